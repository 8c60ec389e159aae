// Draws one compiled chart and afterwards takes only rows.
const TOKEN = /var\((--mlc-[a-z0-9-]+)\)/g;
const TABLE_ROWS = 200;
const NARROW = 480;
const libraries = (globalThis.__mlcLibraries ??= new Map());

async function unpack(bytes) {
  const packed = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const script = new Blob([await new Response(packed).arrayBuffer()], { type: "text/javascript" });
  const url = URL.createObjectURL(script);
  try {
    return await import(url);
  } finally {
    URL.revokeObjectURL(url);
  }
}

async function library(model) {
  const ref = model.get("lib");
  const lib = typeof ref === "string" ? await model.widget_manager.get_model(ref.slice(10)) : await ref;
  const version = lib.get("version");
  if (!libraries.has(version)) libraries.set(version, unpack(lib.get("gz")));
  return libraries.get(version);
}

// Chart colours are written as tokens; the browser alone knows what they are now.
function painter(host) {
  const probe = document.createElement("i");
  probe.hidden = true;
  host.append(probe);
  const known = new Map();
  const colour = (whole, name) => {
    if (!known.has(name)) {
      probe.style.color = `var(${name})`;
      known.set(name, getComputedStyle(probe).color);
    }
    return known.get(name);
  };
  const walk = (node) => {
    if (typeof node === "string") return node.replace(TOKEN, colour);
    if (Array.isArray(node)) return node.map(walk);
    if (node && typeof node === "object") {
      return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, walk(value)]));
    }
    return node;
  };
  return { walk, done: () => probe.remove() };
}

// On a phone, legends wrap and long names leave room for what they name.
function squeeze(spec, width) {
  for (const legend of spec.legends ?? []) legend.columns ??= 2;
  for (const axis of spec.axes ?? []) {
    if (axis.orient === "left" && typeof axis.labelLimit === "number") axis.labelLimit = Math.min(axis.labelLimit, width * 0.38);
  }
}

function records({ n, columns }) {
  const keys = Object.keys(columns);
  return Array.from({ length: n }, (_, i) => Object.fromEntries(keys.map((k) => [k, columns[k][i]])));
}

function shown(value) {
  if (value === null || value === undefined) return "–";
  if (typeof value === "number") {
    return value.toLocaleString("en-US", Math.abs(value) < 1000 ? { maximumSignificantDigits: 4 } : { maximumFractionDigits: 0 });
  }
  return String(value);
}

function make(name, cls, text) {
  const node = document.createElement(name);
  if (cls) node.className = cls;
  if (text !== undefined) node.textContent = text;
  return node;
}

function dataTable(model) {
  const { n, columns } = model.get("rows");
  const named = model.get("columns");
  const cols = named.length ? named : Object.keys(columns).map((key) => ({ key, label: key.replaceAll("_", " ") }));
  const numeric = new Set(cols.filter((col) => columns[col.key]?.some((v) => typeof v === "number")));
  const table = make("table", "mlc-plain");
  table.append(make("caption", "mlc-sr", model.get("alt")));
  const head = table.createTHead().insertRow();
  for (const col of cols) {
    const th = make("th", "", col.label);
    th.scope = "col";
    if (numeric.has(col)) th.className = "mlc-num";
    head.append(th);
  }
  const body = table.createTBody();
  for (let i = 0; i < Math.min(n, TABLE_ROWS); i += 1) {
    const row = body.insertRow();
    for (const col of cols) {
      const cell = row.insertCell();
      cell.textContent = shown(columns[col.key]?.[i]);
      if (numeric.has(col)) cell.className = "mlc-num";
    }
  }
  const parts = [table];
  if (n > TABLE_ROWS) parts.push(make("p", "mlc-hint", `The first ${TABLE_ROWS} of ${shown(n)} rows.`));
  return parts;
}

export default {
  async render({ model, el }) {
    const figure = make("figure", "mlc-chart");
    const plot = make("div", "mlc-plot");
    plot.setAttribute("role", "img");
    // The library names its own element; the picture's name is ours.
    const inner = make("div", "mlc-drawing");
    inner.setAttribute("aria-hidden", "true");
    plot.append(inner);
    const empty = make("p", "mlc-empty");
    const problem = make("p", "mlc-error");
    problem.setAttribute("role", "alert");
    problem.hidden = true;
    const details = make("details", "mlc-data");
    details.append(make("summary", "", "Show data table"));
    const holder = make("div", "mlc-scroll");
    holder.tabIndex = 0;
    holder.setAttribute("role", "region");
    details.append(holder);
    figure.append(plot, empty, problem, details);
    el.append(figure);

    let embedded = null;
    let gone = false;
    let narrow = false;
    let turn = Promise.resolve();

    const words = () => {
      plot.setAttribute("aria-label", model.get("alt"));
      holder.setAttribute("aria-label", `Data: ${model.get("alt")}`);
      empty.textContent = model.get("empty");
      figure.classList.toggle("mlc-stale", model.get("stale"));
      figure.setAttribute("aria-busy", String(model.get("stale")));
    };
    const fill = () => holder.replaceChildren(...(details.open ? dataTable(model) : []));

    const feed = async () => {
      const rows = model.get("rows");
      empty.hidden = rows.n > 0;
      plot.hidden = rows.n === 0;
      details.hidden = rows.n === 0;
      if (rows.n === 0) return;
      if (!embedded) {
        await draw();
        return;
      }
      const { view } = embedded;
      view.data("t", records(rows));
      await fit();
    };
    const fit = async () => {
      const { view } = embedded;
      if (fluid() && plot.clientWidth) view.width(plot.clientWidth);
      if (model.get("height")) view.height(model.get("height"));
      await view.resize().runAsync();
      figure.dataset.drawn = String(Number(figure.dataset.drawn ?? 0) + 1);
    };
    const fluid = () => JSON.stringify(model.get("spec").signals ?? []).includes("containerSize");

    const draw = async () => {
      const { vegaEmbed } = await library(model);
      if (gone) return;
      embedded?.finalize();
      embedded = null;
      // Drawn with its first rows: scales have no extent without any.
      if (model.get("rows").n === 0) return;
      const paint = painter(figure);
      const spec = paint.walk(model.get("spec"));
      narrow = plot.clientWidth < NARROW;
      if (narrow) squeeze(spec, plot.clientWidth);
      for (const data of spec.data ?? []) if (data.name === "t") data.values = records(model.get("rows"));
      embedded = await vegaEmbed(inner, spec, {
        actions: false,
        defaultStyle: false,
        mode: "vega",
        renderer: "svg",
      });
      paint.done();
      await fit();
    };

    // One at a time: a redraw for the dark scheme must not race with new rows.
    const queue = (job) => {
      turn = turn.then(() => (gone ? null : job())).catch((error) => {
        problem.hidden = false;
        problem.textContent = "This chart could not be drawn; its numbers are in the data table below.";
        console.warn("chart", error);
      });
      return turn;
    };

    const onRows = () => {
      queue(feed);
      fill();
    };
    const onScheme = () => queue(draw);
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const forced = new MutationObserver(onScheme);
    const sized = new ResizeObserver(() => {
      const width = plot.clientWidth;
      if (!embedded || !width) return;
      if (narrow !== width < NARROW) queue(draw);
      else if (fluid() && Math.abs(embedded.view.width() - width) >= 2) {
        queue(() => embedded?.view.width(plot.clientWidth).resize().runAsync());
      }
    });

    words();
    const rows = model.get("rows");
    empty.hidden = rows.n > 0;
    plot.hidden = details.hidden = rows.n === 0;
    details.addEventListener("toggle", fill);
    model.on("change:rows", onRows);
    model.on("change:spec", onScheme);
    model.on("change:height", onRows);
    model.on("change:alt change:empty change:stale", words);
    dark.addEventListener("change", onScheme);
    forced.observe(document.documentElement, { attributes: true, attributeFilter: ["data-mlc-theme"] });
    sized.observe(plot);
    queue(draw);

    return () => {
      gone = true;
      model.off("change:rows", onRows);
      model.off("change:spec", onScheme);
      model.off("change:height", onRows);
      model.off("change:alt change:empty change:stale", words);
      dark.removeEventListener("change", onScheme);
      forced.disconnect();
      sized.disconnect();
      embedded?.finalize();
    };
  },
};
