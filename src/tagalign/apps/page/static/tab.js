// What a tab of the browser holds over a reload, its own or one after the server went away: its name, by which it takes back its
// own decisions and not those of another tab, and what was checked on a photo that is not decided yet.
(place, draft, ...rest) => {
  const kept = window.sessionStorage;
  kept.tagalignTab ??= Math.random().toString(36).slice(2);
  const checked = (id) => [...document.querySelectorAll(`#${id} input:checked`)].map((one) => one.name);
  if (!window.tagalignDraft) window.addEventListener("pagehide", () => {
    const field = document.querySelector("#review-place :is(input, textarea)");
    if (field && document.querySelector("#review-photo img"))
      kept.tagalignDraft = JSON.stringify({ place: field.value, tags: checked("review-tags"), titles: checked("review-masks") });
  });
  window.tagalignDraft = true;
  const before = kept.tagalignDraft ?? "";
  kept.removeItem("tagalignDraft");
  return [JSON.stringify({ ...JSON.parse(place), tab: kept.tagalignTab }), before, ...rest];
}
