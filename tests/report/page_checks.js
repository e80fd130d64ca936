// What a browser says of a page: asked by tests/report/test_pages.py, one function for each question.
(() => {
  const rgb = (text) => { const n = text.match(/[\d.]+/g).map(Number); return n.length < 4 ? [...n, 1] : n; };
  const over = (top, under) => top.slice(0, 3).map((c, i) => c * top[3] + under[i] * (1 - top[3])).concat(1);
  const light = (c) => {
    const [r, g, b] = c.map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ratio = (a, b) => { const [x, y] = [light(a), light(b)].sort((m, n) => n - m); return (x + 0.05) / (y + 0.05); };
  const behind = (element) => {
    const layers = [];
    for (let e = element; e; e = e.parentElement) layers.push(rgb(getComputedStyle(e).backgroundColor));
    const sign = element.closest("g") && element.matches(".sign") && element.parentElement.querySelector("circle");
    if (sign) layers.unshift(rgb(getComputedStyle(sign).fill));
    return layers.reverse().reduce((under, top) => over(top, under), [255, 255, 255, 1]);
  };
  const texts = () => {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const found = [];
    while (walker.nextNode()) {
      const element = walker.currentNode.parentElement;
      if (walker.currentNode.data.trim() && !element.closest("desc, title")) found.push([walker.currentNode, element]);
    }
    return found;
  };
  return {
    faint: () => texts().map(([node, element]) => {
      const style = getComputedStyle(element);
      const ink = rgb(element.closest("svg") ? style.fill : style.color);
      return [Math.round(ratio(over(ink, behind(element)), behind(element)) * 100) / 100, node.data.trim().slice(0, 40)];
    }).filter(([contrast]) => contrast < 4.5),
    texts: () => texts().length,
    wide: () => [...document.querySelectorAll("body *")].filter((e) => {
      const box = e.getBoundingClientRect();
      const room = e.closest("svg") ? e.closest("svg").getBoundingClientRect() : { left: 0, right: innerWidth };
      return !e.closest("thead") && box.width && (box.right > room.right + 1 || box.left < room.left - 1);
    }).map((e) => `${e.tagName} ${e.textContent.slice(0, 40)}`)
      .concat(document.documentElement.scrollWidth > innerWidth ? ["the page scrolls"] : []),
    overlaps: () => [...document.querySelectorAll("svg")].flatMap((svg) => {
      const boxes = [...svg.querySelectorAll("text")].filter((t) => t.textContent.trim()).map((t) => [t, t.getBBox()]);
      return boxes.flatMap(([t, a], i) => boxes.slice(i + 1).filter(([, b]) =>
        a.x < b.x + b.width - 1 && b.x < a.x + a.width - 1 && a.y < b.y + b.height - 4 && b.y < a.y + a.height - 4)
        .map(([u]) => `${t.textContent} over ${u.textContent}`));
    }),
    // What would be printed otherwise than black on white, in small type over the whole width, each row on one sheet.
    misprinted: () => {
      const style = (e) => getComputedStyle(e);
      const each = (selector, wrong) => [...document.querySelectorAll(selector)].filter((e) => wrong(style(e)))
        .map((e) => `${e.tagName} ${e.textContent.trim().slice(0, 40)}`);
      return [
        ...each("body", (s) => s.backgroundColor !== "rgb(255, 255, 255)" || s.color !== "rgb(0, 0, 0)"),
        ...each("html", (s) => parseFloat(s.fontSize) > 13.4),
        ...each("main", (s) => s.maxWidth !== "none" || parseFloat(s.padding) > 0),
        ...each("tr, figure, .alert, .found > li", (s) => s.breakInside !== "avoid"),
        ...each("caption, h2", (s) => s.breakAfter !== "avoid"),
        ...each("thead", (s) => s.display !== "table-header-group"),
      ];
    },
    folded: () => [...document.querySelectorAll("details:not([open])")].map((e) => e.textContent).join("\n"),
    open: () => { for (const e of document.querySelectorAll("details")) e.open = true; },
    captions: () => [...document.querySelectorAll("caption")].map((e) => e.textContent.trim().replace(/\s+/g, " ")),
  };
})()
