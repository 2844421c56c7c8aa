"""Everything the page does, in a real browser, over a method whose answers are known."""

import json
from pathlib import Path

import pytest
import torch
from PIL import Image

pytest.importorskip("gradio", reason="the app extra is not installed")
pytest.importorskip("playwright", reason="playwright is not installed")
from browser_pages import pick, type_into
from page_of_stub import look_at, open_tab
from playwright.sync_api import Page, expect

from tagalign.tasks.photos.rows import MASK_SCHEMA, mask_row, write_rows
from tagalign.types import Segmentation

# gradio, its server and its client warn about each other's coming versions
pytestmark = [
    pytest.mark.browser,
    pytest.mark.filterwarnings("ignore"),
]


@pytest.mark.controls("tab-look", "look-photo", "look-files")
def test_a_photo_gets_tags_masks_and_downloads(shared_page: Page, photos: Path, tmp_path: Path) -> None:
    page = shared_page
    expect(page.locator("#tiny-notice")).to_contain_text("drawn scenes only")
    look_at(page, photos / "a.png")
    expect(page.locator("#look-status")).to_contain_text("tags and masks of 2 labels")
    expect(page.locator("#look-tags")).to_contain_text("dog")
    expect(page.locator("#look-masks")).to_contain_text("cat 50 %")
    with page.expect_download() as download:
        page.locator("#look-files a[download]").first.click()
    download.value.save_as(tmp_path / "mask.png")
    with Image.open(tmp_path / "mask.png") as mask:
        assert (mask.size, mask.mode) == ((400, 300), "P")


@pytest.mark.controls("look-labels", "look-method")
def test_new_labels_and_another_method(shared_page: Page, photos: Path) -> None:
    page = shared_page
    look_at(page, photos / "a.png")
    expect(page.locator("#look-status")).to_contain_text("of 2 labels")
    labels = page.locator("#look-labels textarea")
    labels.fill("sky, sea, sand")
    labels.press("Enter")
    expect(page.locator("#look-status")).to_contain_text("of 3 labels")
    expect(page.locator("#look-status")).to_contain_text("from memory: 0 ms")
    pick(page, "look-method", "second")
    # another method has not seen the photo yet
    expect(page.locator("#look-status")).not_to_contain_text("from memory")
    expect(page.locator("#look-tags")).to_contain_text("sea")
    pick(page, "look-method", "first")
    expect(page.locator("#look-tags b.on")).to_have_text("sky")


@pytest.mark.controls("look-suggest", "look-suggested")
def test_labels_are_suggested_and_join_the_list(shared_page: Page, photos: Path) -> None:
    page = shared_page
    look_at(page, photos / "a.png")
    page.click("#look-suggest")
    first = page.locator("#look-suggested label").first
    name = first.inner_text().strip()
    first.click()
    expect(page.locator("#look-status")).to_contain_text("of 3 labels")
    expect(page.locator("#look-labels-note")).to_contain_text("3 labels")
    assert page.locator("#look-labels textarea").input_value() == f"dog, cat, {name}"
    first.click()
    expect(page.locator("#look-status")).to_contain_text("of 2 labels")


@pytest.mark.controls("look-whole")
def test_a_large_photo_is_seen_at_the_size_of_the_screen_and_its_files_have_its_own(
    shared_page: Page, photos: Path, tmp_path: Path
) -> None:
    page = shared_page
    path = photos / "large.png"
    Image.new("RGB", (2000, 1500), "teal").save(path)
    look_at(page, path)
    path.unlink()
    expect(page.locator("#look-status")).to_contain_text("2000 × 1500, seen at 1024 × 768")
    expect(page.locator("#look-files")).to_have_count(0)
    page.get_by_text("Make the files at full size, 2000 × 1500").click()
    with page.expect_download() as download:
        page.locator("#look-files a[download]").first.click()
    download.value.save_as(tmp_path / "mask.png")
    with Image.open(tmp_path / "mask.png") as mask:
        assert mask.size == (2000, 1500)


@pytest.mark.controls("look-options", "option-instances")
def test_instances_are_counted_and_downloaded(shared_page: Page, photos: Path, tmp_path: Path) -> None:
    page = shared_page
    look_at(page, photos / "a.png")
    page.locator("#look-options > button").click()
    page.locator("#option-instances input").check()
    expect(page.locator("#look-masks svg g")).to_have_count(2)
    with page.expect_download() as download:
        page.locator("#look-files a[download]").last.click()
    download.value.save_as(tmp_path / "a.json")
    values = json.loads((tmp_path / "a.json").read_text())
    assert [(one["label"], one["box"]) for one in values["instances"]] == [
        ("dog", [0, 0, 200, 300]),
        ("cat", [200, 0, 400, 300]),
    ]
    assert values["chosen"] == {"method": "first", "instances": {"min_area": 64}}
    page.locator("#option-instances input").uncheck()
    page.locator("#look-options > button").click()


@pytest.mark.controls("look-refer", "refer-phrase", "refer-go", "look-caption", "caption-go", "caption-tags")
def test_a_phrase_and_a_sentence(shared_page: Page, photos: Path) -> None:
    page = shared_page
    look_at(page, photos / "a.png")
    page.get_by_text("Find what a phrase means").click()
    type_into(page.locator("#refer-phrase textarea, #refer-phrase input"), "the brown dog")
    page.click("#refer-go")
    expect(page.locator("#refer-note")).to_contain_text("box from (2, 1) to (6, 3)")
    expect(page.locator("#refer-picture")).to_contain_text("the brown dog 0.80")
    page.get_by_text("Describe the photo").click()
    page.click("#caption-go")
    expect(page.locator("#caption-text")).to_contain_text("a photo")
    type_into(page.locator("#caption-tags textarea, #caption-tags input"), "ball, stick")
    page.keyboard.press("Enter")
    expect(page.locator("#caption-text")).to_contain_text("a photo of ball and stick")
    expect(page.locator("#caption-text")).to_contain_text("guided by: ball 1.00, stick 1.00")


def test_a_broken_file_is_said_and_the_page_lives_on(shared_page: Page, photos: Path) -> None:
    page = shared_page
    open_tab(page, "One photo")
    page.set_input_files("#look-photo input[type=file]", str(photos / "c.jpg"))
    expect(page.get_by_text("not an image that can be read").first).to_be_visible()


def swap_masks_and_accept(page: Page) -> None:
    page.locator("#review-masks").get_by_text("dog 50 %").click()
    page.locator("#review-masks").get_by_text("cat 50 %").click()
    page.locator("#review-add textarea, #review-add input").fill("ball")
    page.keyboard.press("Enter")
    expect(page.locator("#review-tags")).to_contain_text("ball")
    page.locator("#review-status").click()
    page.keyboard.press("a")
    expect(page.locator("#review-status")).to_contain_text("b.png · 2 of 3")


def test_labels_are_checked_while_they_are_typed(shared_page: Page, photos: Path) -> None:
    """By keyboard: counted, refused with the line, and refused again when they are asked."""
    page = shared_page
    look_at(page, photos / "a.png")
    labels, note = page.locator("#look-labels textarea"), page.locator("#look-labels-note")
    expect(note).to_contain_text("2 labels")
    labels.fill("")
    labels.press_sequentially("cup: mug; not")
    expect(note.locator(".refusal")).to_contain_text("line 1: expected words before and behind")
    labels.press_sequentially(" trophy")
    expect(note).to_contain_text("1 label · 1 other word · 1 excluded word")
    labels.press("Shift+Enter")
    labels.press_sequentially("Mug")
    expect(note.locator(".refusal")).to_contain_text("lines 1 and 2: 'mug' is a label and another word")
    labels.press("Enter")
    expect(page.locator("#look-status .refusal")).to_contain_text("lines 1 and 2")
    labels.press("Backspace")
    labels.press_sequentially("p")
    expect(note).to_contain_text("2 labels · 1 other word")
    labels.press("Enter")
    expect(page.locator("#look-status")).to_contain_text("of 2 labels")


@pytest.mark.controls("key-a", "key-s", "key-b", "key-z", "review-add", "review-masks", "review-export")
def test_a_folder_is_reviewed_with_the_keyboard(page: Page, out: Path) -> None:
    status = page.locator("#review-status")
    expect(status).to_contain_text("3 open")
    while "1 of 3" not in status.inner_text():
        page.keyboard.press("b")
        page.wait_for_timeout(700)
    expect(page.locator("#review-masks")).to_contain_text("cat 50 %")
    # the stub tags a dog and no cat: only the dog's half is tinted
    expect(page.get_by_label("dog 50 %")).to_be_checked()
    expect(page.get_by_label("cat 50 %")).not_to_be_checked()
    swap_masks_and_accept(page)
    expect(status).to_contain_text("1 accepted")
    page.keyboard.press("z")
    expect(status).to_contain_text("a.png · 1 of 3")
    expect(status).to_contain_text("3 open")
    swap_masks_and_accept(page)
    page.keyboard.press("s")
    expect(status).to_contain_text("not an image that can be read")
    page.click("#review-export")
    expect(page.locator("#review-files")).to_contain_text("accepted.coco")
    data = json.loads((out / "accepted.coco.json").read_text())
    assert [image["file_name"] for image in data["images"]] == ["a.png"]
    names = {row["id"]: row["name"] for row in data["categories"]}
    assert [names[row["category_id"]] for row in data["annotations"]] == ["cat"]
    assert "ball" in (out / "accepted.tags.csv").read_text()


@pytest.mark.controls(
    "review-choose", "review-folder", "review-inside", "review-open", "review-options", "review-again"
)
def test_results_of_a_run_are_picked_and_reviewed_without_computing_again(page: Page, tmp_path: Path) -> None:
    """The run found what the stub would never say: a horse in the upper half."""
    photo = tmp_path / "d.png"
    Image.new("RGB", (400, 300), "olive").save(photo)
    run = tmp_path / "of the run"
    labels = torch.zeros(300, 400, dtype=torch.int64)
    labels[:150] = 2
    names = ("background", "dog", "horse")
    found = Segmentation(labels=labels, names=names, scores=torch.ones(300, 400))
    write_rows(
        run / "masks" / "part-00000-of-00001-000000.parquet", [mask_row(str(photo), found)], MASK_SCHEMA
    )
    (run / "settings.json").write_text(json.dumps({"labels": list(names)}))
    page.get_by_text("Choose a folder").click()
    path = page.locator("#review-folder textarea, #review-folder input")
    type_into(path, str(tmp_path / "nowhere"))
    path.press("Enter")
    expect(page.get_by_text("expected a folder, found none").first).to_be_visible()
    pick(page, "review-inside", ".. (one up)")
    expect(path).to_have_value(str(Path.cwd().parent))
    type_into(path, str(run))
    page.click("#review-open")
    status = page.locator("#review-status")
    expect(status).to_contain_text("d.png · 1 of 1")
    expect(page.get_by_label("horse 50 %")).to_be_checked()
    expect(page.locator("#review-photo .mask-legend button")).to_have_text(["horse 50 %"])
    status.click()
    page.keyboard.press("a")
    expect(status).to_contain_text("1 accepted")
    (click,) = map(json.loads, (run / "review" / "review.jsonl").read_text().splitlines())
    assert [one["name"] for one in click["masks"]] == ["horse"]
    page.get_by_text("Labels and method").click()
    expect(page.locator("#review-labels textarea")).to_have_value("dog, horse")
    page.get_by_label("Ask the model again").check()
    expect(page.locator("#review-masks")).to_contain_text("dog 50 %")
