// A tab of the browser gets a name that outlives a reload: it takes back its own decisions, not those of another tab.
(place, ...rest) => {
  window.sessionStorage.tagalignTab ??= Math.random().toString(36).slice(2);
  return [JSON.stringify({ ...JSON.parse(place), tab: window.sessionStorage.tagalignTab }), ...rest];
}
