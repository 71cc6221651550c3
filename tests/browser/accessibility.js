// What can be checked by machine without a library; the value is a list of what is wrong, empty when all is well.
(() => {
  const wrong = [];
  const all = (selector) => [...document.querySelectorAll(selector)];
  const seen = (e) => e.checkVisibility({ visibilityProperty: true }) && e.getClientRects().length > 0;
  const name = (e) => (e.getAttribute("aria-label") || e.textContent).trim();

  const channel = (c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const colour = (text) => text.match(/[\d.]+/g).map(Number);
  const behind = (e) => {
    for (; e; e = e.parentElement) {
      const [r, g, b, a = 1] = colour(getComputedStyle(e).backgroundColor);
      if (a === 1) return [r, g, b];
    }
    return [255, 255, 255];
  };
  const contrast = (e) => {
    const [a, b] = [light(colour(getComputedStyle(e).color)), light(behind(e))];
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  };
  const texts = all("body *").filter((e) => seen(e) && !e.closest(".unseen, svg") &&
    [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim()));
  for (const e of texts) {
    if (contrast(e) < 4.5) wrong.push(`contrast ${contrast(e).toFixed(2)}: ${e.textContent.trim().slice(0, 40)}`);
  }

  if (!document.documentElement.lang) wrong.push("no language");
  if (!document.title.includes("shoplab")) wrong.push("no title");
  for (const one of ["h1", "main", "header", "footer"]) {
    if (all(one).length !== 1) wrong.push(`${all(one).length} × ${one}`);
  }
  for (const e of all("img")) if (!e.hasAttribute("alt")) wrong.push(`no alt: ${e.src}`);
  for (const e of all("svg")) if (!e.hasAttribute("aria-hidden")) wrong.push("a drawing is read out");
  for (const e of all("input:not([type=hidden]), select, textarea")) {
    if (!e.labels.length || ![...e.labels].some(name)) wrong.push(`no label: ${e.name}`);
  }
  for (const e of all("a[href], button")) if (!name(e)) wrong.push(`no name: ${e.outerHTML.slice(0, 60)}`);
  for (const e of all("button, .button, nav a, input:not([type=hidden]):not([type=radio])").filter(seen)) {
    if (e.getBoundingClientRect().height < 24) wrong.push(`too small to hit: ${name(e) || e.name}`);
  }
  for (const e of all("nav")) if (!e.getAttribute("aria-label")) wrong.push("a navigation without a name");

  const ids = all("[id]").map((e) => e.id);
  for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) wrong.push(`id twice: ${id}`);
  let depth = 0;
  for (const e of all("h1, h2, h3, h4").filter(seen)) {
    const level = Number(e.tagName[1]);
    if (level > depth + 1) wrong.push(`heading skips a level: ${name(e)}`);
    depth = level;
  }
  return wrong;
})();
