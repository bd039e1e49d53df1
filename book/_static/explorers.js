// Explorers on a page: the module of the desk, with networks and random numbers that the notebook left behind.

import { mount } from "./explorer/adaptation.js";

const isPlain = (value) => value !== null && typeof value === "object";

/** The data with bytes, as a kernel sends them, in place of {base64}. */
function withBytes(value) {
  if (Array.isArray(value)) return value.map(withBytes);
  if (!isPlain(value)) return value;
  if ("base64" in value) {
    const text = atob(value.base64);
    return new DataView(Uint8Array.from(text, (letter) => letter.charCodeAt(0)).buffer);
  }
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, withBytes(part)]));
}

async function enliven(place) {
  const data = await (await fetch(new URL(`./explorer/${place.dataset.explorer}`, import.meta.url))).json();
  const box = document.createElement("div");
  place.append(box);
  mount(box, withBytes(data));
  for (const picture of place.querySelectorAll(":scope > :not(:last-child)")) picture.hidden = true;
}

// Only when it comes near: two of them compute for a second each.
const near = new IntersectionObserver(
  (entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      near.unobserve(target);
      enliven(target);
    }
  },
  { rootMargin: "300px" },
);
for (const place of document.querySelectorAll("[data-explorer]")) near.observe(place);
