"use strict";
// Draws the report from the figures in the page. What is null was hidden before the page was made.
const figures = JSON.parse(document.getElementById("figures").textContent);
const words = JSON.parse(document.getElementById("words").textContent);
const byId = (id) => document.getElementById(id);
const state = { language: "en", marketplace: "", shop: "", measure: "customers", unit: "percent", theme: "light" };
const SEGMENTS = Object.keys(figures.actions);
// Colours that people with any colour vision tell apart, 3 : 1 or more against the background.
const COLOURS = {
  light: ["#0064c6", "#148775", "#5f8bff", "#f642a2", "#f75f00", "#b73000", "#6490c2", "#629e56", "#55187f"],
  dark: ["#1383ff", "#00a381", "#8df0ff", "#b196d9", "#f0b305", "#bd4d07", "#bfbebb", "#d48300", "#616f84"],
};
const SCALE = { light: ["#f1f6fb", "#b9d7f2", "#5a9fd9", "#0b4f94"], dark: ["#1f2a37", "#24527f", "#3f8fd6", "#b5dcff"] };
const MEASURES = { customers: 0, orders: 1, revenue: 2 };
const charts = {};

// Words, numbers, dates -------------------------------------------------------------------------
// A name may hold anything, "$&" and "{1}" too.
const say = (name, ...values) => words[state.language][name].replace(/\{(\d)\}/g, (mark, n) => values[n] ?? mark);
const locale = () => (state.language === "id" ? "id-ID" : "en-GB");
// What is rounded to nothing has no sign.
const number = (value, options) => new Intl.NumberFormat(locale(), { signDisplay: "negative", ...options }).format(value);
const percent = (value, digits = 1) => number(value, { style: "percent", minimumFractionDigits: digits, maximumFractionDigits: digits });
const amount = (value) => value / 10 ** figures.currency.decimals;
const money = (value, options) => number(amount(value), { style: "currency", currency: figures.currency.code, currencyDisplay: "narrowSymbol", maximumFractionDigits: 0, ...options });
const shortMoney = (value) => money(value, { notation: "compact", maximumFractionDigits: 1 });
const day = (text) => new Intl.DateTimeFormat(locale(), { dateStyle: "long", timeZone: "UTC" }).format(new Date(`${text}T00:00:00Z`));
const month = (text) => new Intl.DateTimeFormat(locale(), { month: "short", year: "numeric", timeZone: "UTC" }).format(new Date(`${text}-01T00:00:00Z`));
const sign = (value, show) => (show(Math.abs(value)) === show(0) ? 0 : Math.sign(value));
const signed = (value, show) => ["−", "±", "+"][sign(value, show) + 1] + show(Math.abs(value));
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const colours = () => COLOURS[state.theme];
const segmentColour = (name) => colours()[SEGMENTS.indexOf(name)] ?? "#8a8f98";
// Black or white, whichever stands out more: from any colour by 4.5 : 1.
function inkOn(background) {
  const [red, green, blue] = echarts.color.parse(background).map((v) => (v <= 10 ? v / 3294.6 : ((v / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179 ? "#000000" : "#ffffff";
}

// Elements: text is always set as text, so that no name is taken for markup ----------------------
function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== undefined && value !== null) made.setAttribute(name, value);
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}
// A figure as it is in the warehouse lies in data-value, beside what a person reads.
function cell(value, show, attributes = {}) {
  if (value === null) return element("td", { ...attributes, class: "hidden-cell", title: say("hidden") }, element("span", { "aria-label": say("hidden") }, "·"));
  return element("td", { ...attributes, "data-value": value }, show(value));
}
// A figure that is no column of the warehouse: null where one that it is made from is hidden.
function computed(value, show) {
  if (value === null) return element("td", { class: "hidden-cell computed", title: say("hidden") }, "·");
  return Number.isFinite(value) ? element("td", {}, show(value)) : element("td", { title: say("nothing") }, "–");
}
const ratio = (part, whole) => (part === null || whole === null ? null : whole > 0 ? part / whole : NaN);
function table(caption, heads, rows, foot) {
  return element("table", {}, element("caption", {}, caption),
    element("thead", {}, element("tr", {}, ...heads.map((head, n) => element("th", { scope: "col", class: n === 0 ? "text" : null }, head)))),
    element("tbody", {}, ...rows), foot ? element("tfoot", {}, foot) : null);
}
const row = (name, cells, attributes = {}) => element("tr", attributes, element("th", { scope: "row" }, ...[].concat(name)), ...cells);
const fill = (place, ...children) => place.replaceChildren(...children.filter(Boolean));

function draw(id, option, label) {
  const place = byId(id);
  place.setAttribute("aria-label", say("chart", label));
  // Only what is set is painted at once; a new size alone would wait for a frame, and paper has none.
  if (charts[id]) charts[id].resize(); else charts[id] = echarts.init(place, null, { renderer: "svg" });
  charts[id].setOption({
    animation: false, textStyle: { fontFamily: getComputedStyle(document.body).fontFamily, color: colour("--ink") },
    aria: { enabled: false }, ...option,
  }, true);
}
const tooltip = (extra) => ({ backgroundColor: colour("--card"), borderColor: colour("--line"), textStyle: { color: colour("--ink") }, confine: true, ...extra });
const axis = (extra) => ({ axisLine: { lineStyle: { color: colour("--line") } }, axisLabel: { color: colour("--soft") }, splitLine: { lineStyle: { color: colour("--line") } }, nameTextStyle: { color: colour("--soft") }, ...extra });
const escapeHtml = (text) => String(text).replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

// Slices ----------------------------------------------------------------------------------------
const named = (value) => (value === null ? "–" : value || say("no_name")); // none, and one of no letters
const shopName = (slice) => slice.name || named(slice.shop);
// Why there are no segments: as the warehouse says it, but for the numbers the same every time.
function why(text) {
  const [few, short] = [/^fewer than (\d+) customers$/, /^(\d+) days of orders, fewer than (\d+)$/].map((known) => text.match(known));
  return few ? say("few_customers", number(few[1])) : short ? say("few_days", number(short[1]), number(short[2])) : text;
}
function current() {
  return figures.slices.find((slice) => {
    if (!state.marketplace) return slice.scope === "all";
    const [scope, name] = [state.shop ? "shop" : "marketplace", JSON.parse(state.marketplace)];
    return slice.scope === scope && slice.marketplace === name && (!state.shop || slice.shop === JSON.parse(state.shop));
  });
}
function controls() {
  const option = (value, text, chosen) => { const made = element("option", { value }, text); made.selected = value === chosen; return made; };
  const marketplaces = figures.slices.filter((slice) => slice.scope === "marketplace");
  fill(byId("marketplace"), option("", say("all_marketplaces"), state.marketplace),
    ...marketplaces.map((slice) => option(JSON.stringify(slice.marketplace), named(slice.marketplace), state.marketplace)));
  const shops = figures.slices.filter((slice) => slice.scope === "shop" && JSON.stringify(slice.marketplace) === state.marketplace);
  fill(byId("shop"), option("", say("all_shops"), state.shop), ...shops.map((slice) => option(JSON.stringify(slice.shop), shopName(slice), state.shop)));
  byId("shop").disabled = !shops.length;
  for (const [group, chosen] of [["language", state.language], ["measure", state.measure], ["unit", state.unit]])
    for (const button of byId(group).querySelectorAll("button")) button.setAttribute("aria-pressed", String(button.value === chosen));
}

// Sections --------------------------------------------------------------------------------------
function headline(slice) {
  const [now, before] = slice.months;
  const change = (from, to, text) => {
    if (!(from > 0) || to === null || to === undefined) return null; // of a negative one there is no share
    const share = to / from - 1, way = sign(share, percent);
    return element("span", { class: ["down", null, "up"][way + 1] }, say(text, `${["▼ ", "", "▲ "][way + 1]}${signed(share, percent)}`));
  };
  const tile = (id, name, value, show, note) => element("div", { class: "tile", id: `tile-${id}` },
    element("div", { class: "name" }, say(name)),
    element("div", { class: "value", "data-value": Number.isFinite(value) ? value : null, title: value === null ? say("hidden") : null }, value === null ? "·" : Number.isFinite(value) ? show(value) : "–"),
    element("div", { class: "change" }, note ?? ""));
  // A month that was loaded from its middle on is no month to compare with.
  const [year, ordinal] = figures.as_of.split("-"), first = figures.quality.lines.first_day;
  const cut = first && !first.endsWith("-01") && first.startsWith(new Date(Date.UTC(year, ordinal - 2, 1)).toISOString().slice(0, 7));
  const monthly = (name) => (now && now.is_partial ? say("running") : cut ? null : change(before?.[name], now?.[name], "last_month"));
  const share = now ? ratio(now.new, now.active) : NaN, returning = share === null ? null : 1 - share;
  fill(byId("headline"),
    tile("customers", "customers", slice.customers, number, change(slice.customers_before, slice.customers, "since")),
    tile("active", "active", now?.active, number, monthly("active")),
    tile("new", "new", now?.new, number, monthly("new")),
    tile("returning", "returning", returning, percent, now?.is_partial ? say("running") : null),
    tile("orders", "orders_month", now?.orders, number, monthly("orders")),
    tile("revenue", "revenue_month", now?.revenue, shortMoney, monthly("revenue")),
    tile("order-value", "order_value", now ? ratio(now.revenue, now.orders) : NaN, (v) => money(v, { maximumFractionDigits: figures.currency.decimals }), null));
}
function segments(slice) {
  const place = byId("segments").querySelector(".body");
  byId("segments").hidden = byId("grid").hidden = !slice.segments.length;
  const most = Math.max(...slice.segments.map((s) => s.revenue ?? 0), 1);
  const largest = Math.max(...slice.segments.map((s) => s.customers ?? 0), 1);
  const barred = (value, show, whole) => {
    const made = cell(value, () => "");
    if (value !== null) { made.className = "bar"; made.append(element("i", { style: `width:${Math.max(0, 92 * value / whole)}%` }), element("span", {}, show(value))); }
    return made;
  };
  const share = (value, whole) => computed(ratio(value, whole), percent);
  const moved = (s) => (!figures.from_date || slice.customers_before === 0 ? NaN : s.customers === null || s.before === null ? null : s.customers - s.before);
  const rows = slice.segments.map((s) => row([element("span", { class: "dot", style: `background:${segmentColour(s.segment)}`, "aria-hidden": "true" }), s.segment, element("span", { class: "action" }, figures.actions[s.segment])], [
    barred(s.customers, number, largest), share(s.customers, slice.customers),
    computed(moved(s), (n) => signed(n, number)),
    cell(s.orders, number), barred(s.revenue, money, most), share(s.revenue, slice.revenue),
    computed(ratio(s.revenue, s.orders), (v) => money(v, { maximumFractionDigits: figures.currency.decimals })),
    s.customers === 0 ? computed(NaN) : cell(s.median_recency, number)], { "data-segment": s.segment }));
  const foot = row(say("total"), [cell(slice.customers, number), element("td", {}, ""), element("td", {}, ""), cell(slice.orders, number), cell(slice.revenue, money), ...Array(3).fill(0).map(() => element("td", {}, ""))]);
  fill(place, table("", ["segment_action", "customers", "share", "change", "orders", "revenue", "revenue_share", "order_value", "recency"].map((w) => say(w)), rows, foot));
}
const causeText = (cause) => cause.split("+").map((one) => say(one)).join(say("and"));
const nameOf = (segment, side) => segment ?? say(side === "from" ? "entrant" : "leaver");
function causesText(flow) {
  const parts = Object.entries(flow.causes).sort((a, b) => (b[1] ?? 0) - (a[1] ?? 0)).map(([cause, n]) => `${causeText(cause)}: ${n === null ? say("hidden") : number(n)}`);
  return say("causes_of", nameOf(flow.from, "from"), nameOf(flow.to, "to"), number(flow.customers), parts.join("; "));
}
function moves(slice) {
  const place = byId("moves"), none = !slice.flows.length;
  byId("moves-lead").textContent = figures.from_date ? say(none ? "moves_all_hidden" : "moves_lead", day(figures.from_date), day(figures.as_of)) : say("moves_none");
  for (const part of place.querySelectorAll(".chart-scroll, details, .causes")) part.hidden = none;
  if (none) return fill(place.querySelector(".table"));
  const names = [["from", [...SEGMENTS, null]], ["to", [...SEGMENTS, null]]];
  // What a segment's count in the table above leaves beside the moves shown is hidden moves, drawn as one.
  const count = (side, segment) => slice.segments.find((s) => s.segment === segment)?.[side === "from" ? "before" : "customers"] ?? null;
  const drawn = (side, segment) => slice.flows.filter((flow) => flow[side] === segment);
  const rest = (side, segment) => (count(side, segment) ?? 0) - drawn(side, segment).reduce((sum, flow) => sum + flow.customers, 0);
  const node = (name, side, text, color, said) => ({ name, said, depth: side === "from" ? 0 : 1, itemStyle: { color },
    label: { formatter: text, position: side === "from" ? "right" : "left", color: colour("--ink"), textBorderColor: colour("--card"), textBorderWidth: 3, fontSize: 12 } });
  const ofSegment = (side, s) => (n) => (count(side, s) === null ? say("moves_shown_of", nameOf(s, side), number(n)) : `${nameOf(s, side)}: ${number(n)}`);
  const nodes = names.flatMap(([side, list]) => list.filter((s) => drawn(side, s).length || rest(side, s) > 0)
    .map((s) => node(`${side}:${s ?? ""}`, side, nameOf(s, side), s ? segmentColour(s) : colour("--soft"), ofSegment(side, s))));
  const links = slice.flows.map((flow) => ({ source: `from:${flow.from ?? ""}`, target: `to:${flow.to ?? ""}`, value: flow.customers, said: () => causesText(flow),
    lineStyle: { color: flow.from ? segmentColour(flow.from) : colour("--soft"), opacity: flow.from === flow.to ? 0.16 : 0.5 } }));
  for (const [side, list] of names) {
    const other = side === "from" ? "to" : "from", left = list.filter((s) => rest(side, s) > 0);
    if (left.length) nodes.push(node(`hidden:${other}`, other, say("hidden"), colour("--soft"), (n) => say("moves_hidden", number(n))));
    links.push(...left.map((s) => ({ [side === "from" ? "source" : "target"]: `${side}:${s}`, [side === "from" ? "target" : "source"]: `hidden:${other}`, value: rest(side, s),
      said: (n) => `${nameOf(s, side)}: ${say("moves_hidden", number(n))}`, lineStyle: { color: colour("--soft"), opacity: 0.22 } })));
  }
  draw("sankey", { tooltip: tooltip({ trigger: "item", extraCssText: "max-width:22rem;white-space:normal", formatter: (p) => escapeHtml(p.data.said(p.value)) }),
    series: [{ type: "sankey", data: nodes, links, draggable: false, nodeGap: 14, nodeWidth: 14, layoutIterations: 0, left: 4, right: 4, top: 8, bottom: 8, emphasis: { focus: "adjacency", lineStyle: { opacity: 0.75 } } }] }, say("moves"));
  const partly = names.some(([side]) => SEGMENTS.some((s) => count(side, s) === null));
  byId("moves-hidden").textContent = [links.length > slice.flows.length ? say("moves_grey") : "", partly ? say("moves_partly") : ""].join(" ").trim();
  byId("moves-hidden").hidden = !byId("moves-hidden").textContent;
  const sums = {};
  for (const flow of slice.flows) for (const [cause, n] of Object.entries(flow.causes)) if (cause !== "stayed" && n !== null) sums[cause] = (sums[cause] ?? 0) + n;
  byId("causes").textContent = `${say("moved_sum")} ${Object.entries(sums).sort((a, b) => b[1] - a[1]).map(([cause, n]) => `${causeText(cause)} ${number(n)}`).join(" · ")}`;
  const rows = [...slice.flows].sort((a, b) => b.customers - a.customers).flatMap((flow) => Object.entries(flow.causes).map(([cause, n]) =>
    row(nameOf(flow.from, "from"), [element("td", { class: "text" }, nameOf(flow.to, "to")), cell(flow.customers, number), element("td", { class: "text" }, causeText(cause)), cell(n, number)],
      { "data-from": flow.from ?? "", "data-to": flow.to ?? "", "data-cause": cause })));
  fill(place.querySelector(".table"), table("", [say("from"), say("to"), say("customers"), say("cause"), say("customers")], rows));
}
function retention(slice) {
  const cohorts = slice.cohorts, index = MEASURES[state.measure], relative = state.unit === "percent";
  byId("retention").hidden = !cohorts.length;
  if (!cohorts.length) return fill(byId("retention").querySelector(".table"));
  const width = Math.max(...cohorts.map((c) => c.cells.length));
  const value = (cohort, n) => {
    const found = cohort.cells[n];
    if (found === undefined) return undefined;
    if (found === null) return null;
    if (!relative) return found[index];
    const base = cohort.cells[0] ? cohort.cells[0][index] : null;
    return base === null ? null : base > 0 ? found[index] / base : NaN; // a share of nothing
  };
  const show = (v) => (relative ? percent(v, 0) : state.measure === "revenue" ? shortMoney(v) : number(v));
  const partial = (cohort, n) => slice.months[0]?.is_partial && n === cohort.cells.length - 1;
  const data = [], hidden = [], baseless = [];
  cohorts.forEach((cohort, y) => cohort.cells.forEach((_, n) => {
    const v = value(cohort, n);
    if (v === null) hidden.push([n, y, 0]); else if (Number.isNaN(v)) baseless.push([n, y, 0]); else data.push([n, y, v]);
  }));
  const later = data.filter(([n]) => n > 0).map(([, , v]) => v);
  const top = relative && state.measure === "customers" ? 1 : Math.max(...(later.length ? later : [1]));
  // Paper cannot be scrolled: figures are smaller there, and left out where they could not be read.
  const longest = Math.max(...data.map(([, , v]) => show(v).length)), size = screen === null ? 11 : Math.min(11, 820 / width / longest);
  const small = width > 18 || size < 6;
  byId("heatmap").style.height = `${Math.max(9, cohorts.length * (small ? 1.05 : 1.75) + (small ? 6 : 4))}rem`;
  byId("heatmap").style.minWidth = screen === null ? `${Math.max(20, width * (small ? 1.2 : relative ? 2.9 : 4) + 9)}rem` : "";
  const ramp = SCALE[state.theme], shade = (v) => echarts.color.lerp(Math.min(1, Math.max(0, v / (top || 1))), ramp);
  const label = (cohort) => `${cohort.truncated ? "◂ " : ""}${month(cohort.month)}  ${cohort.size === null ? "·" : number(cohort.size)}`;
  draw("heatmap", {
    tooltip: tooltip({ formatter: (p) => { const c = cohorts[p.value[1]], n = p.value[0]; return `<b>${month(c.month)}</b>, ${escapeHtml(say("month_n", n))}<br>${p.seriesIndex ? escapeHtml(say(p.seriesIndex === 1 ? "hidden" : "no_base")) : show(p.value[2])}${partial(c, n) ? ` (${escapeHtml(say("partial"))})` : ""}`; } }),
    grid: { left: 132, right: 8, top: 32, bottom: small ? 38 : 6 },
    xAxis: axis({ type: "category", position: "top", data: [...Array(width).keys()], splitArea: { show: false }, axisTick: { show: false } }),
    yAxis: axis({ type: "category", inverse: true, data: cohorts.map(label), axisTick: { show: false } }),
    visualMap: { show: small, min: 0, max: top || 1, seriesIndex: 0, dimension: 2, inRange: { color: ramp }, // what colours mean where no figure fits
      orient: "horizontal", left: 124, bottom: 0, itemHeight: 180, itemWidth: 12, text: [show(top || 1), show(0)], textStyle: { color: colour("--ink") } },
    series: [
      { type: "heatmap", data: data.map((point) => ({ value: point, label: { color: inkOn(shade(point[2])) } })), itemStyle: { borderColor: colour("--card"), borderWidth: 1.5, borderRadius: 3 },
        label: { show: !small, fontSize: size, formatter: (p) => `${show(p.value[2])}${partial(cohorts[p.value[1]], p.value[0]) ? "*" : ""}` } },
      { type: "heatmap", data: hidden, itemStyle: { color: colour("--line"), borderColor: colour("--card"), borderWidth: 1.5, borderRadius: 3, decal: { symbol: "rect", dashArrayX: [1, 0], dashArrayY: [2, 4], rotation: -Math.PI / 4, color: colour("--soft") } }, label: { show: !small, formatter: "·", color: colour("--soft") } },
      { type: "heatmap", data: baseless, itemStyle: { color: "transparent" }, label: { show: true, formatter: "–", color: colour("--soft") } }],
  }, say("retention"));
  curves(cohorts, width, partial);
  const heads = [say("cohort"), say("size"), ...[...Array(width).keys()].map((n) => say("month_n", n))];
  const rows = cohorts.map((cohort) => row(`${cohort.truncated ? "◂ " : ""}${month(cohort.month)}`, [cell(cohort.size, number),
    ...[...Array(width).keys()].map((n) => { const v = value(cohort, n); return v === undefined ? element("td", {}, "") : Number.isNaN(v) ? element("td", { title: say("no_base") }, "–") : cell(v, (x) => `${show(x)}${partial(cohort, n) ? "*" : ""}`, { "data-month": n }); })], { "data-cohort": cohort.month }));
  fill(byId("retention").querySelector(".table"), table(`${say(state.measure)}, ${say(state.unit)}`, heads, rows));
}
// A running month is no point of a curve: every curve would fall at its end.
function curves(cohorts, width, partial) {
  const line = (name, data, extra = {}) => ({ name, type: "line", data, symbol: "circle", symbolSize: 4, connectNulls: false, lineStyle: { width: 1.6 }, ...extra });
  // More than there are colours: the others are dashed, with points of another shape for single ones.
  const style = (n) => ({ color: colours()[n % colours().length], ...(n < colours().length ? {} : { symbol: "diamond", symbolSize: 7, lineStyle: { width: 1.6, type: "dashed" } }) });
  const shown = cohorts.slice(-13);
  byId("curves-lead").hidden = shown.length === cohorts.length;
  byId("curves-lead").textContent = say("newest_cohorts", number(shown.length), number(cohorts.length));
  const over = (c, n) => (c.cells[n] && c.size && !partial(c, n) ? c.cells[n] : null);
  const rate = (c) => c.cells.map((_, n) => (over(c, n) ? c.cells[n][0] / c.size : null));
  const average = [...Array(width).keys()].map((n) => {
    const there = cohorts.filter((c) => !c.truncated && over(c, n));
    const size = there.reduce((sum, c) => sum + c.size, 0);
    return size ? there.reduce((sum, c) => sum + c.cells[n][0], 0) / size : null;
  });
  // Once a month is hidden, the sum so far is too.
  const cumulative = (c) => { let sum = 0, known = true; return c.cells.map((x, n) => { if (!over(c, n)) known = false; if (!known) return null; sum += x[2]; return amount(sum) / c.size; }); };
  const whole = average.some((v) => v !== null) ? [line(say("average"), average, { lineStyle: { width: 4 }, color: colour("--ink"), symbolSize: 6 })] : [];
  const common = {
    legend: { type: screen === null ? "scroll" : "plain", bottom: 0, textStyle: { color: colour("--ink") }, pageTextStyle: { color: colour("--ink") } },
    grid: { left: 62, right: 16, top: 16, bottom: screen === null ? 56 : 92 }, xAxis: axis({ type: "category", data: [...Array(width).keys()] }) };
  draw("curves", { ...common, tooltip: tooltip({ trigger: "axis", valueFormatter: (v) => (v === null || v === undefined ? "–" : percent(v)) }),
    yAxis: axis({ type: "value", max: 1, axisLabel: { color: colour("--soft"), formatter: (v) => percent(v, 0) } }),
    series: [...whole, ...shown.map((c, n) => line(month(c.month), rate(c), style(n)))] }, say("curves"));
  draw("cumulative", { ...common, tooltip: tooltip({ trigger: "axis", valueFormatter: (v) => (v === null || v === undefined ? "–" : money(v * 10 ** figures.currency.decimals)) }),
    yAxis: axis({ type: "value", axisLabel: { color: colour("--soft"), formatter: (v) => shortMoney(v * 10 ** figures.currency.decimals) } }),
    series: shown.map((c, n) => line(month(c.month), cumulative(c), style(n))) }, say("cumulative"));
}
function concentration(slice) {
  byId("pyramid").hidden = byId("concentration").hidden = !slice.curve.length;
  if (!slice.curve.length) return ["pyramid", "concentration"].forEach((id) => fill(byId(id).querySelector(".table")));
  const whole = slice.revenue, at = (p) => slice.curve.find(([percentage]) => percentage === p);
  const twenty = at(20);
  byId("pyramid-lead").textContent = twenty && whole ? say("pyramid_lead", percent(twenty[2] / whole)) : "";
  const tiers = [["top", 1, 0], ["big", 5, 1], ["medium", 20, 5], ["small", 100, 20]].map(([name, to, from]) => {
    const [upper, lower] = [at(to), from ? at(from) : [0, 0, 0]];
    return [name, upper && lower ? upper[1] - lower[1] : null, upper && lower ? upper[2] - lower[2] : null];
  });
  draw("tiers", { color: [colours()[0], colours()[4]], tooltip: tooltip({ trigger: "axis", valueFormatter: (v) => (v === null ? say("hidden") : percent(v)) }),
    legend: { bottom: 0, textStyle: { color: colour("--ink") } }, grid: { left: 104, right: 56, top: 4, bottom: 52 },
    xAxis: axis({ type: "value", max: 1, axisLabel: { color: colour("--soft"), formatter: (v) => percent(v, 0) } }),
    yAxis: axis({ type: "category", inverse: true, data: tiers.map(([name]) => say(name)) }),
    series: [["customers", 1, slice.customers], ["revenue", 2, whole]].map(([name, n, total]) => ({ name: say(name), type: "bar", barGap: "10%", data: tiers.map((t) => (t[n] === null || !total ? null : t[n] / total)),
      label: { show: true, position: "right", color: colour("--ink"), formatter: (p) => (p.value === null ? "·" : percent(p.value)) } })) }, say("pyramid"));
  fill(byId("pyramid").querySelector(".table"), table("", [say("tier"), say("customers"), say("revenue")],
    tiers.map(([name, n, revenue]) => row(say(name), [cell(n, number), cell(revenue, money)], { "data-tier": name }))));
  const points = [[0, 0], ...slice.curve.map(([p, , revenue]) => [p / 100, whole ? revenue / whole : 0])];
  const share = { axisLabel: { color: colour("--soft"), formatter: (v) => percent(v, 0) }, min: 0, max: 1 };
  draw("curve", { tooltip: tooltip({ trigger: "axis", formatter: (p) => `${percent(p[0].data[0], 0)} ${escapeHtml(say("largest"))}: ${percent(p[0].data[1])}` }),
    grid: { left: 56, right: 20, top: 12, bottom: 40 }, xAxis: axis({ type: "value", name: say("largest"), nameLocation: "middle", nameGap: 26, ...share }), yAxis: axis({ type: "value", ...share }),
    series: [{ type: "line", data: points, color: colours()[0], areaStyle: { opacity: 0.15 }, symbolSize: 6, lineStyle: { width: 2.5 } },
      { type: "line", name: say("equal"), data: [[0, 0], [1, 1]], color: colour("--soft"), symbol: "none", lineStyle: { type: "dashed", width: 1 }, tooltip: { show: false } }] }, say("concentration"));
  fill(byId("concentration").querySelector(".table"), table("", ["largest", "customers", "revenue", "share"].map((w) => say(w)),
    slice.curve.map(([p, n, revenue]) => row(percent(p / 100, 0), [cell(n, number), cell(revenue, money), computed(ratio(revenue, whole), percent)], { "data-percent": p }))));
}
function grid(slice) {
  const place = byId("grid").querySelector(".body");
  if (!slice.cells.length) return fill(place);
  const found = new Map(figures.scores.map(([r, f, m, segment], n) => [`${r}${f}${m}`, [segment, ...slice.cells[n]]]));
  const largest = Math.max(...slice.cells.map(([n]) => n ?? 0), 1);
  const square = (m) => table(say("monetary_n", m), ["", ...[1, 2, 3].map((f) => say("frequency_n", f))],
    [3, 2, 1].map((r) => row(say("recency_n", r), [1, 2, 3].map((f) => {
      const [segment, customers] = found.get(`${r}${f}${m}`);
      const made = cell(customers, number, { "data-score": `${r}${f}${m}` });
      if (customers !== null) made.style.background = `rgba(${colour("--heat")}, ${(0.06 + 0.4 * Math.sqrt(customers / largest)).toFixed(3)})`;
      made.append(element("small", {}, segment));
      return made;
    }))));
  fill(place, element("div", { class: "grids" }, square(1), square(2), square(3)));
}
// Of all customers, whatever slice is shown.
function campaigns() {
  const place = byId("campaigns");
  place.hidden = !figures.campaigns.length;
  if (place.hidden) return;
  const shows = { orders: (v) => number(v, { minimumFractionDigits: 2, maximumFractionDigits: 2 }), revenue: (v) => money(v, { maximumFractionDigits: figures.currency.decimals }), active: (v) => percent(v) };
  const told = (effect, show) => {
    if (!effect.interval) return element("td", { class: "text action" }, say(`verdict_${effect.verdict}`));
    const [low, value, high] = effect.interval;
    return element("td", { "data-value": value }, signed(value, show), element("small", {}, say("interval", signed(low, show), signed(high, show))), element("small", { class: effect.verdict }, say(`verdict_${effect.verdict}`)));
  };
  const line = (c, cells) => row([c.campaign, element("span", { class: "action" }, say("campaign_days", day(c.first_day), day(c.last_day)))],
    [element("td", {}, say(c.period)), ...cells], { "data-campaign": c.campaign, "data-period": c.period });
  const heads = (...names) => ["campaign", "period", ...names].map((w) => say(w));
  const [clear, silent] = [true, false].map((has) => figures.campaigns.filter((c) => Object.values(c.effects).some((e) => e.interval) === has));
  fill(place.querySelector(".body"), clear.length ? table(say("per_customer"), heads("customers_compared", "orders", "revenue", "bought"),
    clear.map((c) => line(c, [cell(c.customers, number), ...Object.entries(shows).map(([outcome, show]) => told(c.effects[outcome], show))]))) : null);
  place.querySelector("details").hidden = !silent.length;
  place.querySelector("summary").textContent = say("no_answer", number(silent.length));
  fill(place.querySelector(".table"), table("", heads("why"), silent.map((c) => line(c, [told(c.effects.revenue)]))));
  const answered = figures.campaigns.filter((c) => c.effects.revenue.interval);
  byId("effects").hidden = !answered.length;
  if (!answered.length) return;
  const names = answered.map((c) => `${say(c.period)}: ${c.campaign}`); // the end of a long one is cut
  const interval = (_, api) => {
    const [low, middle, high] = [1, 2, 3].map((n) => api.coord([api.value(n), api.value(0)]));
    const style = { stroke: colours()[0], lineWidth: 2, fill: colours()[0] };
    return { type: "group", children: [{ type: "line", shape: { x1: low[0], y1: low[1], x2: high[0], y2: high[1] }, style }, { type: "circle", shape: { cx: middle[0], cy: middle[1], r: 5 }, style }] };
  };
  byId("effects").style.height = `${90 + 26 * names.length}px`;
  draw("effects", { tooltip: tooltip({ formatter: (p) => `${escapeHtml(names[p.value[0]])}: ${signed(p.value[2], (v) => money(v * 10 ** figures.currency.decimals, { maximumFractionDigits: figures.currency.decimals }))}` }),
    grid: { left: 16, right: 24, top: 8, bottom: 44, containLabel: true },
    xAxis: axis({ type: "value", name: say("effect_axis"), nameLocation: "middle", nameGap: 28, axisLabel: { color: colour("--soft"), formatter: (v) => shortMoney(v * 10 ** figures.currency.decimals) } }),
    yAxis: axis({ type: "category", inverse: true, data: names, axisLabel: { color: colour("--soft"), width: byId("effects").clientWidth / 3, overflow: "truncate" } }),
    series: [{ type: "custom", renderItem: interval, encode: { x: [1, 2, 3], y: 0 }, data: answered.map((c, n) => [n, ...c.effects.revenue.interval.map(amount)]) }] }, say("campaigns"));
}
function forecast() {
  const place = byId("forecast"), deciles = figures.forecast;
  place.hidden = !deciles.length;
  if (place.hidden) return;
  const bars = [["forecast", colours()[2]], ["actual", colours()[0]]];
  draw("deciles", { tooltip: tooltip({ trigger: "axis", valueFormatter: (v) => (v === null || v === undefined ? say("hidden") : number(v)) }),
    legend: { bottom: 0, textStyle: { color: colour("--ink") } }, grid: { left: 56, right: 16, top: 12, bottom: 64 },
    xAxis: axis({ type: "category", name: say("decile"), nameLocation: "middle", nameGap: 24, data: deciles.map((d) => d.decile) }), yAxis: axis({ type: "value" }),
    series: bars.map(([what, color]) => ({ name: say(`${what}_orders`), type: "bar", color, data: deciles.map((d) => d[what]) })) }, say("forecast"));
  fill(place.querySelector(".table"), table("", ["decile", "customers", "forecast_orders", "actual_orders"].map((w) => say(w)),
    deciles.map((d) => row(number(d.decile), [cell(d.customers, number), cell(d.forecast, number), cell(d.actual, number)], { "data-decile": d.decile }))));
}
function quality() {
  const { checks, lines } = figures.quality;
  const fact = (name, value, show = number) => element("li", {}, `${say(name)}: `, element("b", { "data-value": value, id: `fact-${name}` }, value === null ? "–" : show(value)));
  const facts = element("ul", { class: "facts" }, fact("days_with_lines", lines.days), fact("last_day", lines.last_day, day), fact("lines_read", lines.lines),
    ...["cancelled", "returned", "unknown_flags", "without_customer", "unreadable_fees"].map((name) => fact(name, lines[name])));
  const rows = checks.map((check) => row(check.check.replaceAll("_", " "), [
    element("td", { class: "text action" }, check.description), element("td", { class: "ok" }, check.passed ? `✓ ${number(check.passed)}` : "–"),
    element("td", { class: check.failed ? "failed" : null }, check.failed ? `✗ ${number(check.failed)}` : "0")]));
  fill(byId("quality").querySelector(".body"), element("h3", {}, say("excluded")), facts, ...(rows.length ? [element("h3", {}, say("checked")), element("p", { class: "lead" }, say("checked_lead"))] : []),
    rows.length ? table("", [say("check"), "", say("passed"), say("failed")], rows) : null);
}
function show() {
  const slice = current();
  document.documentElement.lang = state.language;
  document.documentElement.dataset.theme = state.theme;
  document.documentElement.classList.toggle("paper", screen !== null);
  for (const place of document.querySelectorAll("[data-word]")) place.textContent = say(place.dataset.word);
  document.title = `${say("title")}, ${day(figures.as_of)}`;
  byId("as-of").textContent = `${say("as_of", day(figures.as_of))}, ${figures.from_date ? say("compared", day(figures.from_date)) : say("no_compare")}`;
  byId("slice").textContent = slice.scope === "all" ? say("slice_all") : slice.scope === "marketplace" ? say("slice_marketplace", named(slice.marketplace)) : say("slice_shop", shopName(slice), named(slice.marketplace));
  byId("withheld").hidden = !slice.withheld;
  byId("withheld").textContent = slice.withheld ? say("withheld", why(slice.withheld)) : "";
  byId("footnotes").textContent = `${say("hidden_note", number(figures.min_cell))} ${figures.shops_left_out ? say("shops_note", number(figures.shops_left_out)) : ""}`;
  controls(); headline(slice); segments(slice); moves(slice); retention(slice); concentration(slice); grid(slice); campaigns(); forecast(); quality();
}

// What a person does ------------------------------------------------------------------------------
byId("marketplace").addEventListener("change", (e) => { state.marketplace = e.target.value; state.shop = ""; show(); });
byId("shop").addEventListener("change", (e) => { state.shop = e.target.value; show(); });
for (const group of ["language", "measure", "unit"])
  byId(group).addEventListener("click", (e) => { if (e.target.value) { state[group] = e.target.value; show(); } });
byId("theme").addEventListener("click", () => { state.theme = state.theme === "dark" ? "light" : "dark"; show(); });
byId("print").addEventListener("click", () => print());
byId("controls").addEventListener("submit", (e) => e.preventDefault());
const dark = matchMedia("(prefers-color-scheme: dark)");
// Paper is white and as wide as A4; charts are drawn for it and back again.
let screen = null;
dark.addEventListener("change", () => {
  const theme = dark.matches ? "dark" : "light";
  if (screen === null) { state.theme = theme; show(); } else screen = theme;
});
const toPaper = () => { if (screen === null) { screen = state.theme; state.theme = "light"; show(); } };
const fromPaper = () => { if (screen !== null) { state.theme = screen; screen = null; show(); } };
addEventListener("beforeprint", toPaper);
addEventListener("afterprint", fromPaper);
matchMedia("print").addEventListener("change", (e) => (e.matches ? toPaper() : fromPaper()));
addEventListener("resize", () => { if (screen === null) for (const chart of Object.values(charts)) chart.resize(); });
state.language = (navigator.language || "en").toLowerCase().startsWith("id") ? "id" : "en";
state.theme = dark.matches ? "dark" : "light";
show();
