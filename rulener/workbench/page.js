// The part of the workbench that must run in the browser: it passes clicks, keys and selections on, and marks findings in the
// editor. It asks nothing of any other place.
const wb = (() => {
  "use strict";
  const send = (act, more = {}) => emitEvent("wb", { act, ...more });
  const $ = (selector) => document.querySelector(selector);
  let CM = null; // the editor's modules, once they are loaded
  let opened = 0; // the id of the editor's element
  let marks = []; // the open file's findings
  let schema = null; // what may be written where
  let extension = null;

  // --- the editor

  const editor = () => {
    const element = opened ? getElement(opened) : null;
    return element && element.editor ? element.editor : null;
  };

  async function whenEditor(then) {
    const element = opened ? getElement(opened) : null;
    if (!element) return requestAnimationFrame(() => whenEditor(then));
    if (!element.editor) await element.editorPromise;
    if (!CM) CM = await import("nicegui-codemirror");
    then(element.editor);
  }

  function makeExtension() {
    if (extension) return extension;
    const set = CM.StateEffect.define();
    class Marker extends CM.GutterMarker {
      constructor(severity, words) {
        super();
        this.severity = severity;
        this.words = words;
      }
      eq(other) {
        return other.severity === this.severity && other.words === this.words;
      }
      toDOM() {
        const dot = document.createElement("span");
        dot.className = `wb-marker ${this.severity}`;
        dot.textContent = this.severity === "error" ? "●" : "▲";
        dot.title = this.words;
        dot.setAttribute("role", "img");
        dot.setAttribute("aria-label", `${this.severity}: ${this.words}`);
        return dot;
      }
    }
    const field = CM.StateField.define({
      create: () => ({ decorations: CM.Decoration.none, gutter: CM.RangeSet.empty, found: [] }),
      update(value, change) {
        if (change.docChanged) {
          value = {
            decorations: value.decorations.map(change.changes),
            gutter: value.gutter.map(change.changes),
            found: value.found.map((one) => ({ ...one, from: change.changes.mapPos(one.from), to: change.changes.mapPos(one.to) })),
          };
        }
        for (const effect of change.effects) if (effect.is(set)) value = effect.value;
        return value;
      },
      provide: (own) => CM.EditorView.decorations.from(own, (value) => value.decorations),
    });
    const gutter = CM.gutter({
      class: "wb-gutter",
      markers: (view) => view.state.field(field).gutter,
      initialSpacer: () => new Marker("warning", ""),
    });
    const hover = CM.hoverTooltip((view, at) => {
      const here = view.state.field(field).found.filter((one) => one.from <= at && at <= one.to);
      if (!here.length) return null;
      return {
        pos: Math.min(...here.map((one) => one.from)),
        above: true,
        create() {
          const dom = document.createElement("div");
          dom.className = "wb-tooltip";
          for (const one of here) {
            const line = document.createElement("div");
            line.className = one.severity;
            line.textContent = one.words;
            dom.append(line);
          }
          return { dom };
        },
      };
    });
    const cursor = CM.EditorView.updateListener.of((update) => {
      if (update.selectionSet || update.docChanged) tellCursor(update.state);
    });
    const complete = CM.EditorState.languageData.of(() => [{ autocomplete: completions }]);
    const label = CM.EditorView.contentAttributes.of({ "aria-label": "rules of the open file, YAML" });
    extension = { set, field, all: [field, gutter, hover, cursor, complete, label] };
    extension.Marker = Marker;
    return extension;
  }

  let told = 0;
  let lastLine = 0;
  function tellCursor(state) {
    const line = state.doc.lineAt(state.selection.main.head).number;
    if (line === lastLine) return;
    lastLine = line;
    clearTimeout(told);
    told = setTimeout(() => send("cursor", { line }), 150);
  }

  // Columns count code points, from 1; the editor counts UTF-16 units.
  function place(doc, line, column) {
    const at = doc.line(Math.max(1, Math.min(line, doc.lines)));
    const units = Array.from(at.text).slice(0, Math.max(0, column - 1)).join("").length;
    return Math.min(at.to, at.from + units);
  }

  function showMarks(view) {
    const { set, field, Marker, all } = makeExtension();
    const effects = [];
    if (!view.state.field(field, false)) effects.push(CM.StateEffect.appendConfig.of(all));
    const doc = view.state.doc;
    const found = marks.map((mark) => {
      const from = place(doc, mark.line, mark.column);
      const to = Math.max(from, place(doc, mark.line, mark.column + mark.width));
      return { from, to, severity: mark.severity, words: mark.words };
    });
    const ranges = found
      .filter((one) => one.from < one.to)
      .map((one) => CM.Decoration.mark({ class: `wb-finding ${one.severity}` }).range(one.from, one.to));
    const lines = new Map();
    for (const one of found) {
      const start = doc.lineAt(one.from).from;
      const here = lines.get(start) || { severity: "warning", words: [] };
      if (one.severity === "error") here.severity = "error";
      here.words.push(one.words);
      lines.set(start, here);
    }
    const gutter = [...lines].map(([start, here]) => new Marker(here.severity, here.words.join("\n")).range(start));
    const value = { decorations: CM.Decoration.set(ranges, true), gutter: CM.RangeSet.of(gutter, true), found };
    view.dispatch({ effects });
    view.dispatch({ effects: set.of(value) });
  }

  // --- completion: keys of the lists and rules, values that are one of few

  function completions(context) {
    if (!schema) return null;
    const line = context.state.doc.lineAt(context.pos);
    const before = line.text.slice(0, context.pos - line.from);
    const value = /^(\s*(?:- )?)([a-z_]+):\s+\[?(?:.*[,\[]\s*)?([\w-]*)$/.exec(before);
    if (value) {
      const options = schema.values[value[2]];
      if (!options || !(context.explicit || value[3])) return null;
      return { from: context.pos - value[3].length, options: options.map((label) => ({ label, type: "constant" })) };
    }
    const key = /^(\s*(?:- )?)([a-z_]*)$/.exec(before);
    if (!key || !(context.explicit || key[2])) return null;
    const list = key[1] ? listAt(context.state.doc, line.number) : "";
    const options = schema.keys[list];
    if (!options) return null;
    return {
      from: context.pos - key[2].length,
      options: options.map(([label, info]) => ({ label, apply: `${label}: `, type: "property", info })),
    };
  }

  // The list (terms, patterns, …) that a line stands in.
  function listAt(doc, number) {
    for (let line = number - 1; line >= 1; line--) {
      const found = /^([a-z_]+):/.exec(doc.line(line).text);
      if (found) return found[1];
    }
    return "";
  }

  function jump(line, column) {
    whenEditor((view) => {
      const at = place(view.state.doc, line, column);
      view.dispatch({ selection: { anchor: at }, effects: CM.EditorView.scrollIntoView(at, { y: "center" }) });
      view.focus();
    });
  }

  function nextFinding(step) {
    const view = editor();
    if (!view || !extension) return;
    const at = view.state.selection.main.head;
    const places = [...new Set(view.state.field(extension.field, false)?.found.map((one) => one.from) || [])].sort((a, b) => a - b);
    if (!places.length) return say("no findings in this file", false);
    const next = step > 0 ? places.find((one) => one > at) ?? places[0] : [...places].reverse().find((one) => one < at) ?? places.at(-1);
    view.dispatch({ selection: { anchor: next }, effects: CM.EditorView.scrollIntoView(next, { y: "center" }) });
    view.focus();
    const words = view.state.field(extension.field).found.filter((one) => one.from === next).map((one) => one.words);
    say(words.join(" "), false);
  }

  // --- the note

  const points = (text) => Array.from(text).length;

  // Start and end of what is selected in the note, as offsets into it.
  function selectedSpan() {
    const note = $("#note");
    const selection = window.getSelection();
    if (!note || !selection.rangeCount || selection.isCollapsed) return null;
    const range = selection.getRangeAt(0);
    if (!note.contains(range.startContainer) || !note.contains(range.endContainer)) return null;
    const before = document.createRange();
    before.selectNodeContents(note);
    before.setEnd(range.startContainer, range.startOffset);
    const base = Number(note.dataset.start || 0);
    const start = base + points(before.toString());
    const words = range.toString();
    const lead = points(words) - points(words.trimStart());
    const end = start + lead + points(words.trim());
    return words.trim() ? { start: start + lead, end } : null;
  }

  function placeTools() {
    const tools = $("#wb-tools");
    if (!tools) return;
    const span = selectedSpan();
    if (!span) {
      tools.hidden = true;
      return;
    }
    const box = window.getSelection().getRangeAt(0).getBoundingClientRect();
    tools.hidden = false;
    const top = box.top - tools.offsetHeight - 8;
    tools.style.top = `${top > 8 ? top : box.bottom + 8}px`;
    tools.style.left = `${Math.max(8, Math.min(box.left, window.innerWidth - tools.offsetWidth - 8))}px`;
  }

  function showMention(at) {
    requestAnimationFrame(() => {
      const mark = $(`#note mark[data-at="${at}"]`) || $("#note .selected");
      if (mark) mark.scrollIntoView({ block: "center" });
    });
  }

  // --- words to the author

  let hiding = 0;
  function say(words, bad) {
    const toast = $("#wb-toast");
    if (!toast) return;
    toast.textContent = words;
    toast.className = bad ? "bad" : "";
    toast.hidden = false;
    clearTimeout(hiding);
    hiding = setTimeout(() => (toast.hidden = true), bad ? 12000 : 4000);
  }

  function status(errors, warnings, checked, failed) {
    const place = $("#wb-status");
    if (!place) return;
    const words = [];
    if (failed) words.push("cannot be compiled");
    if (errors) words.push(`${errors} error${errors === 1 ? "" : "s"}`);
    if (warnings) words.push(`${warnings} warning${warnings === 1 ? "" : "s"}`);
    place.textContent = words.join(", ") || (checked ? "no findings" : "no errors");
    place.className = `wb-status ${errors || failed ? "error" : warnings ? "warning" : "good"}`;
  }

  function working(on) {
    document.body.classList.toggle("wb-working", on);
  }

  function retired() {
    const over = document.createElement("div");
    over.id = "wb-retired";
    over.setAttribute("role", "alertdialog");
    const words = document.createElement("p");
    words.textContent = "The workbench was opened in another tab. ";
    const again = document.createElement("button");
    again.textContent = "Work here";
    again.onclick = () => location.reload();
    words.append(again);
    over.append(words);
    document.body.append(over);
    again.focus();
  }

  // --- clicks, keys, inputs

  function theme(dark) {
    localStorage.setItem("rulener-theme", dark ? "dark" : "light");
    send("theme", { dark });
  }

  // A dialog that the server has made; it may still be on its way.
  function ask(tries = 50) {
    const dialog = $("#wb-dialog");
    if (!dialog || dialog.open) return tries && setTimeout(() => ask(tries - 1), 20);
    dialog.showModal();
    fitForm(dialog);
  }

  function fitForm(dialog) {
    const into = dialog.querySelector("[name=into]");
    if (into) for (const one of dialog.querySelectorAll(".new")) one.hidden = Boolean(into.value);
  }

  document.addEventListener("change", (event) => {
    const dialog = event.target.closest("#wb-dialog");
    if (!dialog) return;
    fitForm(dialog);
    const axis = event.target.dataset.axis;
    const area = dialog.querySelector("textarea");
    if (!axis || !area) return;
    const axes = [...dialog.querySelectorAll("[data-axis]")].filter((one) => one.checked).map((one) => one.dataset.axis);
    area.value = area.value.replace(/(\[(?:[^\]\\]|\\.)*\])\{([^}\s]*)[^}]*\}/, (_, mark, label) => `${mark}{${[label, ...axes].join(" ")}}`);
  });

  document.addEventListener("submit", (event) => {
    const form = event.target.closest("[data-form]");
    if (!form) return;
    const given = {};
    for (const one of form.elements) if (one.name) given[one.name] = one.type === "checkbox" ? one.checked : one.value;
    send(form.dataset.form, given);
  });

  const local = {
    theme: () => theme(!document.body.classList.contains("body--dark")),
    help: () => $("#wb-help").showModal(),
    paste: () => {
      $("#wb-paste textarea").value = "";
      $("#wb-paste").showModal();
    },
    pasted: () => {
      send("paste", { value: $("#wb-paste textarea").value });
      $("#wb-paste").close();
    },
    close: (button) => button.closest("dialog").close(),
  };

  document.addEventListener("click", (event) => {
    const target = event.target.closest("[data-act],[data-local]");
    if (!target || target.disabled) return;
    if (target.dataset.local) return local[target.dataset.local](target);
    if (target.dataset.act === "explain" && selectedSpan()) return;
    const { act, ...more } = target.dataset;
    if (target.closest("#wb-dialog")) target.closest("dialog").close();
    const question = act === "decide" && target.closest(".question");
    if (question) {
      if (more.own) more.code = question.querySelector("[name=code]").value.trim();
      if (more.own && !more.code) return question.querySelector("[name=code]").focus();
      const where = question.querySelector("[name=section]");
      if (where) more.section = where.value;
    }
    if (target.closest("#wb-tools")) Object.assign(more, selectedSpan() || {});
    send(act, more);
  });

  document.addEventListener("input", (event) => {
    const what = event.target.dataset && event.target.dataset.input;
    if (!what) return;
    clearTimeout(event.target.waiting);
    const value = event.target.value;
    event.target.waiting = setTimeout(() => send("search", { what, value }), 120);
  });

  document.addEventListener("selectionchange", () => requestAnimationFrame(placeTools));

  const focusOn = (selector) => {
    const found = $(selector);
    if (found) found.focus();
  };

  function key(event) {
    const command = event.ctrlKey || event.metaKey;
    if (command && !event.shiftKey && !event.altKey && event.code === "KeyS") return send("save") || true;
    if (event.key === "F8") return nextFinding(event.shiftKey ? -1 : 1) || true;
    if (event.key === "F1") return local.help() || true;
    if (event.altKey && !command) {
      const chosen = {
        Digit1: () => focusOn('[data-input="files"]'),
        Digit2: () => whenEditor((view) => view.focus()),
        Digit3: () => focusOn("#note"),
        Digit4: () => focusOn('.wb-tabs [aria-selected="true"]'),
        Comma: () => send("beside", { step: -1 }),
        Period: () => send("beside", { step: 1 }),
        KeyT: () => onSelection("term"),
        KeyC: () => onSelection("case"),
        KeyW: () => onSelection("explain"),
      }[event.code];
      if (chosen) return chosen() || true;
    }
    const active = document.activeElement;
    if (event.key === "Enter" && active && active.matches(".question [name=code]")) return active.nextElementSibling.click() || true;
    if ((event.key === "Enter" || event.key === " ") && active && active.matches("mark[data-act]")) return active.click() || true;
    if ((event.key === "ArrowRight" || event.key === "ArrowLeft") && active && active.matches('[role="tab"]')) {
      const all = [...active.parentElement.children];
      const next = all[(all.indexOf(active) + (event.key === "ArrowRight" ? 1 : all.length - 1)) % all.length];
      next.focus();
      next.click();
      return true;
    }
    return false;
  }

  document.addEventListener(
    "keydown",
    (event) => {
      if (key(event)) {
        event.preventDefault();
        event.stopPropagation();
      }
    },
    true,
  );

  function onSelection(act) {
    const span = selectedSpan();
    if (span) send(act, { ...span, at: span.start });
    else say("select some words of the note first", false);
  }

  // A panel that is drawn anew must not lose the keyboard's place.
  let focused = null;
  document.addEventListener("focusin", (event) => {
    const data = event.target.dataset;
    focused = data && data.act ? { node: event.target, data: JSON.stringify(data) } : null;
  });
  window.addEventListener("DOMContentLoaded", () => {
    new MutationObserver(() => {
      if (!focused || focused.node.isConnected || document.activeElement !== document.body) return;
      const same = [...document.querySelectorAll("[data-act]")].find((one) => JSON.stringify(one.dataset) === focused.data);
      if (same) same.focus();
    }).observe(document.body, { childList: true, subtree: true });
    const wanted = localStorage.getItem("rulener-theme");
    const dark = wanted ? wanted === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    const whenConnected = () => (window.socket && window.socket.connected ? send("theme", { dark }) : setTimeout(whenConnected, 50));
    whenConnected();
  });

  window.addEventListener("beforeunload", (event) => {
    if (document.querySelector(".wb-bar .unsaved, .wb-files .dot") && !$("#wb-retired")) event.preventDefault();
  });

  return {
    opened(id) {
      opened = id;
      lastLine = 0;
      marks = [];
      whenEditor((view) => showMarks(view));
    },
    findings(found) {
      marks = found;
      whenEditor((view) => showMarks(view));
    },
    completion(known) {
      schema = known;
    },
    jump,
    say,
    status,
    working,
    retired,
    showMention,
    ask,
  };
})();
