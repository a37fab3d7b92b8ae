// Makes a part of the page like its new version in place. What is alike stays the very same element, with its
// focus, scroll position, selected text and opened <details>. Elements are recognised by their id, else by place.

/**
 * data-own: scripts of the page draw what is in there, and it stays as it is.
 * data-keeps: what the new version lacks stays (a log of which only the end is sent).
 * @param {Element} now @param {Element} next
 */
export function morph(now, next) {
  if (now.isEqualNode(next) || now.hasAttribute("data-own")) return;
  takeAttributes(now, next);
  takeChildren(now, next);
}

/** @param {Element} now @param {Element} next */
function takeAttributes(now, next) {
  for (const { name, value } of next.attributes) {
    if (now.getAttribute(name) !== value && !isHers(now, name)) now.setAttribute(name, value);
  }
  for (const { name } of [...now.attributes]) {
    if (!next.hasAttribute(name) && !isHers(now, name)) now.removeAttribute(name);
  }
}

/** What whoever looks at the page has set. @param {Element} element @param {string} name */
function isHers(element, name) {
  return name === "open" && element.localName === "details";
}

/** @param {Element} now @param {Element} next */
function takeChildren(now, next) {
  const wantedIds = new Set([...next.children].map((child) => child.id).filter(Boolean));
  const keeps = now.hasAttribute("data-keeps");
  let at = now.firstChild;
  for (const wanted of [...next.childNodes]) {
    const same = find(at, wanted, wantedIds);
    if (!same) {
      now.insertBefore(document.importNode(wanted, true), at);
      continue;
    }
    while (at !== same) at = drop(/** @type {ChildNode} */ (at), keeps);
    at = same.nextSibling;
    if (same instanceof Element) morph(same, /** @type {Element} */ (wanted));
    else if (same.nodeValue !== wanted.nodeValue) same.nodeValue = wanted.nodeValue;
  }
  while (at) at = drop(at, keeps);
}

/** @param {ChildNode} node @param {boolean} keeps @returns {ChildNode | null} the one behind it */
function drop(node, keeps) {
  const behind = node.nextSibling;
  if (!keeps) node.remove();
  return behind;
}

/**
 * From `at` on, what is to become `wanted`. Nothing on the way to it may be wanted itself: elements keep their order.
 * @param {ChildNode | null} at @param {ChildNode} wanted @param {Set<string>} wantedIds @returns {ChildNode | null}
 */
function find(at, wanted, wantedIds) {
  if (!(wanted instanceof Element)) return at && at.nodeType === wanted.nodeType ? at : null;
  for (let node = at; node; node = node.nextSibling) {
    if (!(node instanceof Element)) continue;
    if (node.id === wanted.id && node.localName === wanted.localName) return node;
    if (node.id && wantedIds.has(node.id)) return null;
  }
  return null;
}
