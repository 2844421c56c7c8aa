"""``tagalign evaluate``: a model on a benchmark, with intervals, a table row and a page to look at."""

import dataclasses
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tagalign.cli.shared.bars import progress
from tagalign.cli.shared.error_log import ErrorLog
from tagalign.cli.shared.flag_values import parse_shard
from tagalign.cli.shared.model_flags import warn_tiny
from tagalign.cli.shared.output import print_json
from tagalign.cli.verbs.evaluate.method import LABELLED, check_method, open_method
from tagalign.cli.verbs.evaluate.settings import TINY_DATA, EvaluateSettings
from tagalign.errors import InputError

if TYPE_CHECKING:
    from tagalign.evaluate.engine import Asker, Gathered, Watch
    from tagalign.evaluate.results import Result
    from tagalign.labels import LabelSet


OTHER_TASKS = {("retrieval", "captions"), ("caption-tags", "tagging")}
"""What can be asked of a kind of benchmark beside its own question."""


def passed_on(rows: Iterable[Any], total: int) -> Iterable[Any]:
    """Rows as they come, looked at by nobody."""
    del total
    return rows


def run(settings: EvaluateSettings) -> int:
    """Evaluate; a number is printed only over the whole benchmark unless asked otherwise."""
    if settings.wording == "both":
        both = (dataclasses.replace(settings, wording=w, out=settings.out / w) for w in ("plain", "aliases"))
        return max([run(one) for one in both])
    result = measure(settings)
    if result is not None:
        _print(settings, result)
    return 0


def measure(
    settings: EvaluateSettings, *, text_cache: Path | None = None, watch: "Watch" = passed_on
) -> "Result | None":
    """Measure and write the files of a result; None while other shards are at work, or where the answers are secret.

    Args:
        settings: of the verb.
        text_cache: folder of label embeddings, for several evaluations of one model; changes no number.
        watch: sees each row as soon as there is one, inside the bar.
    """
    shard = parse_shard(settings.shard)
    if not settings.data.startswith(TINY_DATA):
        warn_tiny(settings.model)
    from tagalign.data.benchmarks import find_benchmark, open_benchmark
    from tagalign.data.benchmarks.image_list import on_list, read_image_list

    benchmark = find_benchmark(settings.data)
    check_method(settings, _kind(settings, benchmark.kind))
    data = open_benchmark(settings.data, settings.path, settings.split)
    facts = _facts(settings.path)
    if settings.image_list is not None:
        chosen = read_image_list(settings.image_list)
        data, facts = on_list(data, chosen), facts | {"image_list": chosen.mark}
    kind = _kind(settings, benchmark.kind)
    if settings.wordnet is not None and kind != "captions":
        raise InputError(
            f"--wordnet does not act: it is about captions, {settings.data} asks for {kind}; leave it out"
        )
    labels = _labels(settings, data) if kind in LABELLED else None
    from tagalign.evaluate.ask_retrieval import AskRetrieval, look_again
    from tagalign.evaluate.engine import Plan, gather
    from tagalign.evaluate.evaluation import asker_for, summarize
    from tagalign.evaluate.ranking import RankingRule
    from tagalign.evaluate.vqa_submission import answers_are_secret

    if kind == "caption-tags":
        # the model is asked for sentences alone; the words count when labels are looked for in them
        labels = _caption_words(settings, data)
        method, _ = open_method(
            dataclasses.replace(settings, wording=None, labels_file=None), data, kind, None, text_cache
        )
    else:
        method, labels = open_method(settings, data, kind, labels, text_cache)
    rule = RankingRule(tag_weight=settings.tag_weight or 0.0, rerank=settings.rerank)
    asker = asker_for(kind, method, data, labels=labels, rule=rule, wordnet=settings.wordnet)
    plan = Plan(
        out=settings.out,
        batch_size=settings.batch_size,
        workers=settings.workers,
        limit=settings.limit,
        shard=shard,
        watch=lambda rows, total: progress(watch(rows, total), f"evaluating {settings.data}", total=total),
        facts=facts,
    )
    gathered = gather(asker, plan)
    if isinstance(asker, AskRetrieval) and (settings.allow_missing or not gathered.failures):
        gathered = look_again(asker, gathered, plan)
    _log_failures(settings.out, gathered)
    if gathered.pending and shard[1] > 1:  # whoever comes last sees all rows and writes the number
        _say(f"{len(gathered.rows):,} of {gathered.listed:,} images done; the other shards go on")
        return None
    if kind == "questions" and answers_are_secret(gathered.rows):
        _submit(settings, gathered, data.expected)
        return None
    result = summarize(
        asker,
        gathered,
        allow_missing=settings.allow_missing,
        resamples=settings.resamples,
        seed=settings.seed,
        protocol=settings.protocol,
    )
    _write(settings, asker, gathered, result)
    return result


def _print(settings: EvaluateSettings, result: "Result") -> None:
    from tagalign.evaluate.results import RESULT_FILE, markdown_table

    if settings.json:
        print_json({"benchmark": settings.data, "images": result.images} | {"metrics": result.metrics})
    else:
        print(markdown_table([result]))
    _say(f"written to {settings.out / RESULT_FILE}, report: {settings.out / 'report.html'}")


def _submit(settings: EvaluateSettings, gathered: "Gathered", expected: int) -> None:
    """The file for the server that knows the answers; every question of the split must be in it."""
    from tagalign.errors import DataError
    from tagalign.evaluate.vqa_submission import write_submission

    given = sum(len(row["answers"]) for row in gathered.rows)
    if given != expected and not settings.allow_missing:
        raise DataError(
            f"{given:,} of {expected:,} questions are answered, and the server wants all; --allow-missing writes those"
        )
    path = write_submission(settings.out, gathered.rows)
    _say(
        f"the answers of {settings.data} {settings.split or ''} are secret: upload {path} to the challenge's server"
    )


def _kind(settings: EvaluateSettings, kind: str) -> str:
    if settings.task in {None, kind} or (settings.task, kind) in OTHER_TASKS:
        return settings.task or kind
    raise InputError(f"--task {settings.task} cannot be asked of {settings.data}, a benchmark of {kind}")


def _facts(path: Path | None) -> dict[str, Any]:
    """A drawn copy is named beside every number, in the result and on the terminal."""
    from tagalign.data.benchmarks.drawn import drawn_copy_of

    copy = drawn_copy_of(path)
    if copy is None:
        return {}
    _say(f"{path}: a drawn copy of {copy.benchmark}; the numbers try the way, they mean nothing")
    return {"drawn_copy": f"{copy.images} images, seed {copy.seed}"}


def _say(text: str) -> None:
    import sys

    print(text, file=sys.stderr)


def _labels(settings: EvaluateSettings, data: Any) -> "LabelSet":
    """The benchmark's labels in the words of the protocol and the flags."""
    from tagalign.evaluate.protocols import find_protocol
    from tagalign.tags.label_sets import background_words, load_label_set, template_set

    protocol = find_protocol(settings.protocol)
    own = data.labels if settings.labels_file is None else load_label_set(settings.labels_file)
    labels = protocol.words(own, settings.data, wording=settings.wording or _file_wording(settings))
    if settings.templates is not None:
        labels = dataclasses.replace(labels, templates=template_set(settings.templates))
    if settings.background_words is not None:
        labels = dataclasses.replace(labels, background=background_words(settings.background_words))
    return labels


def _caption_words(settings: EvaluateSettings, data: Any) -> "LabelSet":
    """The benchmark's labels and their synonyms, unless plain names are asked for: sentences choose their own words."""
    from tagalign.evaluate.protocols import find_protocol
    from tagalign.tags.label_sets import load_label_set

    own = data.labels if settings.labels_file is None else load_label_set(settings.labels_file)
    wording = settings.wording or "aliases"
    return find_protocol(settings.protocol).words(own, settings.data, wording=wording)


def _file_wording(settings: EvaluateSettings) -> str | None:
    """Words of a file are meant as they stand, aliases included."""
    return "aliases" if settings.labels_file is not None else None


def _log_failures(out: Path, gathered: "Gathered") -> None:
    # of an earlier run: what is mended now must not stay listed
    (out / "errors.jsonl").unlink(missing_ok=True)
    with ErrorLog(out) as errors:
        for key, error in gathered.failures:
            errors.add(key, error)


def _write(settings: EvaluateSettings, asker: "Asker", gathered: "Gathered", result: "Result") -> None:
    from tagalign.atomic import atomic_write, sweep
    from tagalign.evaluate.results import RESULT_FILE, markdown_table, write_result

    sweep(settings.out, [RESULT_FILE, "result.md", "report.html"])
    write_result(settings.out, result)
    with atomic_write(settings.out / "result.md") as temp:
        temp.write_text(markdown_table([result]) + "\n", encoding="utf-8")
    page = _page(settings, asker, gathered, result)
    with atomic_write(settings.out / "report.html") as temp:
        temp.write_text(page, encoding="utf-8")


def _page(settings: EvaluateSettings, asker: "Asker", gathered: "Gathered", result: "Result") -> str:
    from tagalign.evaluate.ask_dense import AskSegmentation
    from tagalign.evaluate.mistakes import worst_confusions
    from tagalign.evaluate.score import confusion_of
    from tagalign.pages.best_and_worst import best_and_worst
    from tagalign.pages.evaluation import render_evaluation

    if not isinstance(asker, AskSegmentation):
        return render_evaluation(result)
    names = list(asker.data.class_names)
    best, worst = best_and_worst(asker, gathered.rows, count=settings.gallery)
    mistakes = worst_confusions(confusion_of(gathered.rows, len(names)), names)
    return render_evaluation(result, mistakes=mistakes, best=best, worst=worst)
