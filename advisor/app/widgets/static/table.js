// A table of decisions: native cells, buttons and switches, so that keyboard, screen
// readers and tests see what the eye sees. Long tables draw only the rows in view;
// narrow ones turn each row into a card.
const SEARCH_FROM = 12;
const VIRTUAL_FROM = 100;
const SPARE_ROWS = 8;
const CARDS_BELOW = 600;
const TIGHT_BELOW = 720;
const NUMERIC = new Set(["money", "number", "percent"]);

function make(name, cls, text) {
  const node = document.createElement(name);
  if (cls) node.className = cls;
  if (text !== undefined) node.textContent = text;
  return node;
}

function role(node, name) {
  node.setAttribute("role", name);
  return node;
}

const significant = (value, digits) => value.toLocaleString("en-US", { maximumSignificantDigits: digits });

function money(value) {
  const size = Math.abs(value);
  const sign = value < 0 ? "−" : "";
  if (size >= 999_500) return `${sign}$${(size / 1e6).toFixed(size >= 99.5e6 ? 0 : size >= 9.995e6 ? 1 : 2)}M`;
  if (size >= 999.5) return `${sign}$${(size / 1e3).toFixed(size >= 99_950 ? 0 : 1)}k`;
  if (size >= 100 || size === 0) return `${sign}$${Math.round(size)}`;
  if (size >= 0.1) return `${sign}$${size.toFixed(2)}`;
  return `${sign}$${significant(size, 2)}`;
}

function shown(value, kind) {
  if (value === null || value === undefined || value === "") return "–";
  if (typeof value !== "number") return String(value).replace(/(\d) × /g, "$1\u00a0×\u00a0");
  if (kind === "money") return money(value);
  if (kind === "percent") {
    const size = Math.abs(value);
    return `${(value * 100).toFixed(size >= 0.0995 || size === 0 ? 0 : size >= 0.00995 ? 1 : 2)}%`.replace("-", "−");
  }
  return (Math.abs(value) < 1000 ? significant(value, 4) : Math.round(value).toLocaleString("en-US")).replace("-", "−");
}

function compare(a, b) {
  const missing = (v) => v === null || v === undefined || v === "";
  if (missing(a) || missing(b)) return missing(a) - missing(b);
  if (typeof a === "number" && typeof b === "number") return a - b;
  return String(a).localeCompare(String(b), "en", { numeric: true });
}

export default {
  render({ model, el }) {
    const root = make("div", "mlc-table");
    const tools = make("div", "mlc-tools");
    const search = make("input", "mlc-search");
    search.type = "search";
    const sorter = make("select", "mlc-sorter");
    sorter.setAttribute("aria-label", "Sort by");
    const count = make("span", "mlc-hint");
    count.setAttribute("role", "status");
    tools.append(search, sorter, count);
    const frame = make("div", "mlc-frame");
    const table = role(make("table"), "table");
    const caption = make("caption", "mlc-sr");
    const head = role(make("thead"), "rowgroup");
    const body = role(make("tbody"), "rowgroup");
    table.append(caption, head, body);
    frame.append(table);
    const empty = make("p", "mlc-empty");
    const footer = make("p", "mlc-hint mlc-tfoot");
    root.append(tools, frame, empty, footer);
    el.append(root);

    let rows = [];
    let order = [];
    let drawn = new Map();
    let pending = new Map();
    let sort = { key: model.get("sort_key"), down: model.get("sort_down") };
    let height = 57;
    let cards = false;
    let tight = false;
    let window_ = [0, 0];

    const columns = () => model.get("columns");
    const lead = () => columns().find((col) => col.kind !== "switch");
    const sortValue = (col, i) => rows[i][col.sort ?? col.key];
    const isOn = (id) => (pending.has(id) ? pending.get(id) : Boolean(model.get("toggles")[id]));
    const virtual = () => order.length > VIRTUAL_FROM;

    const read = () => {
      const { n, columns: data } = model.get("rows");
      const keys = Object.keys(data);
      rows = Array.from({ length: n }, (_, i) => Object.fromEntries(keys.map((key) => [key, data[key][i]])));
      drawn = new Map();
    };

    const text = (row) =>
      columns()
        .filter((col) => col.kind !== "switch")
        .flatMap((col) => [row[col.key], col.sub ? row[col.sub] : ""])
        .join("\n")
        .toLowerCase();

    const arrange = () => {
      const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
      order = rows.map((_, i) => i);
      if (words.length) {
        order = order.filter((i) => {
          const all = text(rows[i]);
          return words.every((word) => all.includes(word));
        });
      }
      const col = columns().find((c) => c.key === sort.key);
      if (col) {
        const value = (i) => (col.kind === "switch" ? Number(isOn(rows[i].id)) : sortValue(col, i));
        const gap = (v) => v === null || v === undefined || v === "";
        order.sort((a, b) => {
          const [x, y] = [value(a), value(b)];
          const step = compare(x, y);
          return (sort.down && !gap(x) && !gap(y) ? -step : step) || a - b;
        });
      }
    };

    const markSwitch = (button, id) => button.setAttribute("aria-checked", String(isOn(id)));

    const switchCell = (td, col, row) => {
      const button = role(make("button", "mlc-switch"), "switch");
      button.type = "button";
      button.dataset.part = "switch";
      const name = lead() ? row[lead().key] : row.id;
      button.setAttribute("aria-label", `${col.label} ${name}`);
      const why = col.disabled ? row[col.disabled] : "";
      if (why) {
        button.disabled = true;
        button.title = why;
        td.append(make("span", "mlc-sr", `${why} `));
      }
      markSwitch(button, row.id);
      button.addEventListener("click", (event) => {
        event.stopPropagation();
        pending.set(row.id, !isOn(row.id));
        markSwitch(button, row.id);
        model.send({ kind: "toggle", id: row.id, value: pending.get(row.id) });
      });
      td.append(button);
    };

    const fill = (cell, col, row, first) => {
      const value = row[col.key];
      if (col.kind === "switch") return switchCell(cell, col, row);
      if (first && model.get("selectable")) {
        const button = make("button", "mlc-pick", shown(value, col.kind));
        button.type = "button";
        button.dataset.part = "pick";
        cell.append(button);
      } else if (col.kind === "chip") {
        const tone = col.tone ? row[col.tone] : "";
        cell.append(make("span", `mlc-chip${tone ? ` mlc-${tone}` : ""}`, shown(value)));
      } else {
        const strong = first || col.strong;
        cell.append(make(strong ? "b" : "span", "mlc-cell", shown(value, col.kind)));
      }
      if (col.sub && row[col.sub] !== null && row[col.sub] !== undefined && row[col.sub] !== "") {
        cell.append(make("small", "mlc-subline", shown(row[col.sub], col.sub_kind ?? "text")));
      }
      return undefined;
    };

    const mark = (tr, row) => {
      const on = model.get("selected") === row.id;
      tr.classList.toggle("mlc-sel", on);
      tr.querySelector("[data-part=pick]")?.setAttribute("aria-pressed", String(on));
    };

    const draw = (i) => {
      const row = rows[i];
      if (drawn.has(row.id)) return drawn.get(row.id);
      const tr = role(make("tr"), "row");
      tr.dataset.id = row.id;
      let first = true;
      for (const col of columns()) {
        const isLead = first && col.kind !== "switch";
        const cell = role(make(isLead ? "th" : "td"), isLead ? "rowheader" : "cell");
        if (isLead) {
          cell.scope = "row";
          first = false;
        }
        cell.className = style(col);
        cell.dataset.label = isLead ? "" : col.label;
        fill(cell, col, row, isLead);
        if (virtual() && col.kind !== "switch") cell.title = [shown(row[col.key], col.kind), col.sub ? row[col.sub] : ""].filter(Boolean).join(" · ");
        tr.append(cell);
      }
      mark(tr, row);
      drawn.set(row.id, tr);
      return tr;
    };

    const style = (col) =>
      [
        `mlc-k-${col.kind ?? "text"}`,
        (col.align ?? (NUMERIC.has(col.kind) ? "right" : "left")) === "right" ? "mlc-num" : "",
        col.hide_small ? "mlc-hide-s" : "",
      ]
        .filter(Boolean)
        .join(" ");

    const spacer = (n) => {
      const tr = make("tr", "mlc-spacer");
      tr.setAttribute("aria-hidden", "true");
      const td = tr.insertCell();
      td.colSpan = columns().length;
      td.style.height = `${n * height}px`;
      return tr;
    };

    const paint = () => {
      const held = body.contains(document.activeElement) ? document.activeElement : null;
      const place = held && { id: held.closest("tr").dataset.id, part: held.dataset.part };
      let [from, to] = [0, order.length];
      if (virtual()) {
        from = Math.max(0, Math.floor(frame.scrollTop / height) - SPARE_ROWS);
        to = Math.min(order.length, Math.ceil((frame.scrollTop + frame.clientHeight) / height) + SPARE_ROWS);
      }
      window_ = [from, to];
      const trs = order.slice(from, to).map((i, k) => {
        const tr = draw(i);
        tr.setAttribute("aria-rowindex", String(from + k + 2));
        return tr;
      });
      if (from > 0) trs.unshift(spacer(from));
      if (to < order.length) trs.push(spacer(order.length - to));
      body.replaceChildren(...trs);
      if (place) body.querySelector(`tr[data-id="${CSS.escape(place.id)}"] [data-part="${place.part}"]`)?.focus({ preventScroll: true });
    };

    const measure = () => {
      const real = [...body.children].filter((tr) => !tr.classList.contains("mlc-spacer"));
      if (!virtual() || !real.length) return;
      const mean = real.reduce((sum, tr) => sum + tr.getBoundingClientRect().height, 0) / real.length;
      if (mean > 0 && Math.abs(mean - height) > 0.5) {
        height = mean;
        paint();
      }
    };

    const header = () => {
      const tr = role(make("tr"), "row");
      tr.setAttribute("aria-rowindex", "1");
      for (const col of columns()) {
        const th = role(make("th", style(col)), "columnheader");
        th.scope = "col";
        if (col.sortable === false) {
          th.textContent = col.label;
        } else {
          const button = make("button", "mlc-sort", col.label);
          button.type = "button";
          button.dataset.key = col.key;
          button.addEventListener("click", () => {
            const again = sort.key === col.key;
            sortBy(col.key, again ? !sort.down : NUMERIC.has(col.kind) || col.kind === "switch");
          });
          th.append(button);
        }
        if (col.width) th.style.width = typeof col.width === "number" ? `${col.width}px` : col.width;
        tr.append(th);
      }
      head.replaceChildren(tr);
      sorter.replaceChildren(
        new Option("Sort by …", ""),
        ...columns().filter((col) => col.sortable !== false).map((col) => new Option(col.label, col.key)),
      );
      sorted();
    };

    const sorted = () => {
      for (const th of head.querySelectorAll("th")) {
        const key = th.querySelector("button")?.dataset.key;
        if (key === undefined) continue;
        th.setAttribute("aria-sort", key !== sort.key ? "none" : sort.down ? "descending" : "ascending");
      }
      sorter.value = sort.key || "";
    };

    const sortBy = (key, down) => {
      sort = { key, down };
      sorted();
      refresh();
    };

    // With only some rows in view the browser cannot size columns by all of them.
    const widths = () => {
      table.style.tableLayout = virtual() && !cards ? "fixed" : "";
      if (!virtual()) return;
      const step = Math.max(1, Math.floor(rows.length / 200));
      const sizes = columns().map((col) => {
        if (tight && col.hide_small) return 0;
        if (col.kind === "switch") return 7;
        let longest = col.label.length + 2;
        for (let i = 0; i < rows.length; i += step) {
          longest = Math.max(longest, shown(rows[i][col.key], col.kind).length, (col.sub ? String(rows[i][col.sub] ?? "") : "").length);
        }
        return Math.min(30, Math.max(7, longest));
      });
      const all = sizes.reduce((a, b) => a + b, 0);
      [...head.querySelectorAll("th")].forEach((th, i) => {
        if (!columns()[i].width) th.style.width = `${(100 * sizes[i]) / all}%`;
      });
    };

    const words = () => {
      caption.textContent = model.get("caption");
      frame.setAttribute("aria-label", model.get("caption") || "Table");
      search.placeholder = model.get("search_label");
      search.setAttribute("aria-label", model.get("search_label"));
      footer.textContent = model.get("footer");
      footer.hidden = !footer.textContent;
      root.classList.toggle("mlc-stale", model.get("stale"));
      root.setAttribute("aria-busy", String(model.get("stale")));
    };

    const refresh = () => {
      arrange();
      const many = rows.length > SEARCH_FROM;
      search.hidden = !many;
      count.hidden = !many;
      sorter.hidden = !cards || rows.length < 3;
      tools.hidden = search.hidden && sorter.hidden;
      count.textContent = order.length === rows.length ? `${rows.length.toLocaleString("en-US")} rows` : `${order.length.toLocaleString("en-US")} of ${rows.length.toLocaleString("en-US")}`;
      empty.hidden = order.length > 0;
      empty.textContent = rows.length ? `Nothing matches “${search.value}”.` : model.get("empty");
      frame.hidden = rows.length === 0;
      table.setAttribute("aria-rowcount", String(order.length + 1));
      root.classList.toggle("mlc-virtual", virtual());
      widths();
      paint();
      measure();
    };

    const rebuild = () => {
      const top = frame.scrollTop;
      read();
      header();
      refresh();
      frame.scrollTop = top;
    };

    const pick = (id) => {
      if (!model.get("selectable")) return;
      model.set("selected", id);
      model.save_changes();
      marks();
    };
    const marks = () => {
      for (const i of order.slice(...window_)) mark(draw(i), rows[i]);
      for (const [id, tr] of drawn) if (!tr.isConnected) mark(tr, { id });
    };
    const switches = () => {
      for (const [id, tr] of drawn) {
        const button = tr.querySelector("[data-part=switch]");
        if (button) markSwitch(button, id);
      }
    };

    body.addEventListener("click", (event) => {
      const tr = event.target.closest("tr[data-id]");
      if (tr && !event.target.closest("[data-part=switch]") && !String(getSelection())) pick(tr.dataset.id);
    });
    body.addEventListener("keydown", (event) => {
      if (!["ArrowDown", "ArrowUp"].includes(event.key) || !event.target.dataset.part) return;
      const at = order.findIndex((i) => rows[i].id === event.target.closest("tr").dataset.id);
      const next = at + (event.key === "ArrowDown" ? 1 : -1);
      if (next < 0 || next >= order.length) return;
      event.preventDefault();
      const tr = draw(order[next]);
      if (!tr.isConnected) {
        frame.scrollTop = next * height - frame.clientHeight / 2;
        paint();
      }
      tr.querySelector(`[data-part=${event.target.dataset.part}]`)?.focus();
      tr.scrollIntoView({ block: "nearest" });
    });
    let due = false;
    frame.addEventListener("scroll", () => {
      if (!virtual() || due) return;
      due = true;
      requestAnimationFrame(() => {
        due = false;
        paint();
      });
    });
    search.addEventListener("input", () => {
      frame.scrollTop = 0;
      refresh();
    });
    sorter.addEventListener("change", () => {
      const col = columns().find((c) => c.key === sorter.value);
      sortBy(sorter.value, Boolean(col) && (NUMERIC.has(col.kind) || col.kind === "switch"));
    });

    const acked = (message) => {
      if (message.kind !== "toggled") return;
      pending.delete(message.id);
      switches();
    };
    const sized = new ResizeObserver(() => {
      const now = root.clientWidth > 0 && root.clientWidth < CARDS_BELOW;
      const scrolls = frame.scrollHeight > frame.clientHeight + 1 || frame.scrollWidth > frame.clientWidth + 1;
      if (scrolls) {
        frame.tabIndex = 0;
        frame.setAttribute("role", "region");
      } else {
        frame.removeAttribute("tabindex");
        frame.removeAttribute("role");
      }
      const close = root.clientWidth > 0 && root.clientWidth < TIGHT_BELOW;
      if (now !== cards || close !== tight) {
        cards = now;
        tight = close;
        root.classList.toggle("mlc-tight", tight);
        root.classList.toggle("mlc-cards", cards);
        refresh();
      } else if (virtual()) {
        paint();
        measure();
      }
    });

    words();
    rebuild();
    sized.observe(root);
    model.on("change:rows change:columns", rebuild);
    model.on("change:toggles", switches);
    model.on("change:selected", marks);
    model.on("change:caption change:footer change:search_label change:stale", words);
    model.on("change:empty", refresh);
    model.on("msg:custom", acked);
    return () => {
      sized.disconnect();
      model.off("change:rows change:columns", rebuild);
      model.off("change:toggles", switches);
      model.off("change:selected", marks);
      model.off("change:caption change:footer change:search_label change:stale", words);
      model.off("change:empty", refresh);
      model.off("msg:custom", acked);
    };
  },
};
