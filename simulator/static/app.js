// The page: phones side by side, the keyboard, the dialogs, and news from the simulator.

import { copy, el, get, listen, post } from "./api.js";
import { SafaricomPanel } from "./safaricom.js";
import { Station } from "./station.js";

const $ = (selector) => document.querySelector(selector);
const stations = new Map();
let graph = {};
let desk = null;
let networks = [];
let active = null;

const safaricom = new SafaricomPanel($("#safaricom"), { ask, complain });
const hooks = { graph: () => graph, complain, activate };

function smoothly() { return matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth"; }

function complain(sentence) {
  const toast = $(".toast");
  toast.textContent = sentence;
  toast.classList.add("on");
  clearTimeout(complain.timer);
  complain.timer = setTimeout(() => toast.classList.remove("on"), 3200);
}

async function ask(path, body) {
  try { return await post(path, body); } catch (error) { complain(error.message); return null; }
}

// phones

function activate(station) {
  if (active === station) return;
  active?.root.classList.remove("active");
  active = station;
  active?.root.classList.add("active");
  for (const name of document.querySelectorAll(".names button")) name.setAttribute("aria-current", name.dataset.msisdn === active?.msisdn);
}

function show(view) {
  const known = stations.get(view.msisdn);
  if (known) { known.update(view); return; }
  const station = new Station(view, hooks);
  stations.set(view.msisdn, station);
  $(".stations").append(station.root);
  if (!active) activate(station);
  drawNames();
}

function drop(msisdn) {
  const station = stations.get(msisdn);
  if (!station) return;
  station.root.remove();
  stations.delete(msisdn);
  if (active === station) { active = null; const next = stations.values().next().value; if (next) activate(next); }
  drawNames();
}

function drawNames() {
  $(".names").replaceChildren(...[...stations.values()].map((station) => {
    const name = el("button", "", station.view.name.replaceAll("_", " "));
    name.dataset.msisdn = station.msisdn;
    name.setAttribute("aria-current", station === active);
    name.onclick = () => { activate(station); station.root.scrollIntoView({ behavior: smoothly(), inline: "center", block: "nearest" }); };
    return name;
  }));
}

// the desk

function drawDesk(view) {
  desk = view;
  const { service, gateway } = view;
  const host = service.ussd_url.replace(/^https?:\/\//, "").replace(/\/ussd(\/.*)?$/, "");
  $(".top .service").replaceChildren(el("b", "", service.code), ` → ${host}`);
  const record = $("[data-do=record]");
  record.setAttribute("aria-pressed", view.recording);
  record.querySelector("span").textContent = view.recording ? "Stop" : "Record";
  const ill = [];
  if (gateway.slow_ms) ill.push(`${gateway.slow_ms} ms`);
  if (gateway.http_status) ill.push(`HTTP ${gateway.http_status}`);
  if (gateway.silent) ill.push("silent");
  if (gateway.drop) ill.push("drops");
  if (gateway.batch_error) ill.push(gateway.batch_error);
  const button = $(".tools .gateway");
  button.textContent = ill.length ? `SMS: ${ill.join(", ")}` : "SMS gateway";
  button.classList.toggle("ill", ill.length > 0);
  drawOutside(view.outside);
  for (const msisdn of [...stations.keys()]) if (!view.phones.includes(msisdn)) drop(msisdn);
}

function drawOutside(outside) {
  const ill = Object.entries(outside).filter(([, each]) => each.is !== "works").map(([who, each]) => `${who} ${each.is}`);
  const button = $(".tools .outside");
  const said = ill.join(", ");
  button.textContent = said ? said[0].toUpperCase() + said.slice(1) : "Safaricom";
  button.classList.toggle("ill", ill.length > 0);
  safaricom.drawWays(outside);
}

function toggleSafaricom() {
  const open = safaricom.toggle();
  const button = $(".tools .outside");
  document.body.classList.toggle("beside", open);
  button.setAttribute("aria-pressed", open);
  (open ? $("#safaricom [data-do=safaricom]") : button).focus({ preventScroll: true });
}

// keyboard

const KEYS = { Enter: "green", Escape: "red", ArrowUp: "up", ArrowDown: "down" };
const NEXT = { ArrowLeft: -1, ArrowRight: 1 };

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && event.target.closest("#safaricom")) { toggleSafaricom(); return; }
  if (event.key === "Enter" && event.target.matches("dialog input")) { submit(event.target.closest("dialog")); return; }
  const writing = event.target.closest("input, select, textarea, dialog, a, summary, pre");
  const onButton = event.target.closest("button") && !event.target.closest(".handset");
  if (writing || event.ctrlKey || event.metaKey || event.altKey || !active) return;
  if (onButton && (event.key === "Enter" || event.key === " ")) return;
  const { handset } = active;
  if (NEXT[event.key] && !onButton) { event.preventDefault(); turn(NEXT[event.key]); }
  else if (KEYS[event.key]) { event.preventDefault(); handset.press(KEYS[event.key]); }
  else if (event.key === "Backspace") { event.preventDefault(); handset.rub(); }
  else if (event.key.length === 1) { event.preventDefault(); handset.type(event.key); }
});

function turn(step) {
  if (stations.size < 2) return;
  const all = [...stations.values()];
  const next = all[(all.indexOf(active) + step + all.length) % all.length];
  activate(next);
  next.handset.root.focus({ preventScroll: true });
  const box = next.handset.root.getBoundingClientRect();
  const inView = box.left >= 0 && box.right <= innerWidth && box.top >= 0 && box.top < innerHeight / 2;
  if (!inView) next.root.scrollIntoView({ behavior: smoothly(), inline: "center", block: "start" });
}

// header and dialogs

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button, a");
  if (!button) return;
  if (button.dataset.open) open(button.dataset.open);
  if ("close" in button.dataset) button.closest("dialog").close();
  if ("submit" in button.dataset) submit(button.closest("dialog"));
  if (button.dataset.do === "redis" && await ask("/api/desk/redis-forgets")) complain("Redis has forgotten every session.");
  if (button.dataset.do === "record") record();
  if (button.dataset.do === "safaricom") toggleSafaricom();
  if ("copy" in button.dataset) complain(await copy($("#recording pre").textContent));
});

function open(name) {
  const dialog = document.getElementById(name);
  const field = (key) => dialog.querySelector(`[name=${key}]`);
  if (name === "service") {
    dialog.querySelector(".origin").textContent = location.origin;
    field("msisdn").replaceChildren(new Option("all phones", ""), ...[...stations.values()].map((each) => new Option(each.view.name, each.msisdn)));
    field("msisdn").onchange = () => fillService(dialog);
    fillService(dialog);
  }
  if (name === "add") field("network").replaceChildren(new Option("as the number says", ""), ...networks.map((each) => new Option(each.name, each.code)));
  if (name === "gateway") {
    const { gateway } = desk;
    const faults = active?.view.faults;
    field("slow_ms").value = gateway.slow_ms;
    field("how").value = gateway.silent ? "silent" : gateway.drop ? (gateway.taken_anyway ? "drop" : "drop-lost") : gateway.batch_error || (gateway.http_status ? String(gateway.http_status) : "well");
    field("delivery").value = faults?.delivery || "normal";
    field("sms_status").value = faults?.sms_status ?? "";
  }
  dialog.showModal();
}

function fillService(dialog) {
  const chosen = stations.get(dialog.querySelector("[name=msisdn]").value);
  const service = chosen ? chosen.view.service : desk.service;
  for (const input of dialog.querySelectorAll("input")) input.value = service[input.name] || "";
}

async function submit(dialog) {
  const said = Object.fromEntries([...dialog.querySelectorAll("input, select")].map((field) => [field.name, field.value.trim()]));
  let done = null;
  if (dialog.id === "add") done = await ask("/api/phones", said);
  if (dialog.id === "service") {
    const { msisdn, ...service } = said;
    done = await ask(msisdn ? `/api/phones/${encodeURIComponent(msisdn)}/service` : "/api/desk/service", service);
  }
  if (dialog.id === "gateway") done = await setGateway(said);
  if (done) dialog.close();
}

async function setGateway({ slow_ms, how, delivery, sms_status }) {
  const status = Number(how) || 0;
  const names = { "drop": true, "drop-lost": true };
  for (const station of stations.values()) {
    await station.act("faults", { delivery, sms_status: sms_status === "" ? null : Number(sms_status) });
  }
  return ask("/api/desk/gateway", {
    slow_ms: Number(slow_ms) || 0, http_status: status, silent: how === "silent", drop: how in names,
    taken_anyway: how !== "drop-lost", batch_error: how === "InvalidSenderId" ? how : "",
  });
}

async function record() {
  if (!desk.recording) { await ask("/api/desk/record", { on: true }); complain("Recording. Play, then press Stop."); return; }
  await ask("/api/desk/record", { on: false });
  const text = await (await fetch("/api/recording")).text();
  const dialog = $("#recording");
  dialog.querySelector("pre").textContent = text;
  const link = dialog.querySelector("a[download]");
  URL.revokeObjectURL(link.href);
  link.href = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
  dialog.showModal();
}

// life

async function load() {
  const state = await get("/api/state");
  graph = state.graph;
  networks = state.networks;
  state.phones.forEach(show);
  drawDesk(state.desk);
  safaricom.update(state.safaricom);
  for (const station of stations.values()) station.drawMap();
}

const statuses = [[401, "RiskHold"], [402, "InvalidSenderId"], [403, "InvalidPhoneNumber"], [404, "UnsupportedNumberType"], [405, "InsufficientBalance"], [406, "UserInBlacklist"], [407, "CouldNotRoute"], [500, "InternalServerError"], [501, "GatewayError"], [502, "RejectedByGateway"]];
for (const [code, name] of statuses) $("[name=sms_status]").append(new Option(`is refused: ${code} ${name}`, code));
setInterval(() => { for (const station of stations.values()) if (station.handset.place === "idle") station.handset.draw(); else station.handset.drawClock(); }, 10000);

listen((topic, view) => {
  if (topic === "desk") drawDesk(view);
  else if (topic === "safaricom") safaricom.update(view);
  else if (topic === "graph") { graph = view; for (const station of stations.values()) station.drawMap(); }
  else if (view) show(view);
}, (down, again) => {
  $(".lost").hidden = !down;
  if (!down && again) load().catch((error) => complain(error.message));
});
load().catch((error) => complain(error.message));
