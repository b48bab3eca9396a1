"use strict";
// Keeps the page as the sandbox would show it now: asks often while something runs, else now and then.
const main = () => document.querySelector("main");

async function look() {
  try {
    if (!document.hidden) await refresh();
    document.body.classList.remove("gone");
  } catch {
    document.body.classList.add("gone");
  }
  setTimeout(look, main().hasAttribute("data-live") ? 500 : 3000);
}

async function refresh() {
  const answer = await fetch(location.href, { cache: "no-store" });
  const next = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = next.querySelector("main");
  // Nobody likes a text that changes while it is written or marked.
  if (!fresh || document.activeElement.matches("input") || !getSelection().isCollapsed) return;
  const read = logs().filter((log) => log.scrollTop + log.clientHeight < log.scrollHeight - 4);
  document.title = next.title;
  become(main(), fresh);
  logs().filter((log) => !read.includes(log)).forEach(toEnd);
}

// Changes what differs and nothing else, so that focus, places and opened parts stay.
function become(old, fresh) {
  if (old.isEqualNode(fresh)) return;
  if (old.nodeType !== Node.ELEMENT_NODE || old.nodeName !== fresh.nodeName) {
    old.replaceWith(fresh);
    return;
  }
  for (const name of new Set([...old.getAttributeNames(), ...fresh.getAttributeNames()])) {
    if (name === "open" || old.getAttribute(name) === fresh.getAttribute(name)) continue;
    if (fresh.hasAttribute(name)) old.setAttribute(name, fresh.getAttribute(name));
    else old.removeAttribute(name);
  }
  const [olds, freshes] = [[...old.childNodes], [...fresh.childNodes]];
  olds.slice(freshes.length).forEach((node) => node.remove());
  freshes.forEach((node, index) => (index < olds.length ? become(olds[index], node) : old.append(node)));
}

const logs = () => [...document.querySelectorAll(".log")];
const toEnd = (log) => { log.scrollTop = log.scrollHeight; };

addEventListener("DOMContentLoaded", () => {
  logs().forEach(toEnd);
  setTimeout(look, 500);
});
