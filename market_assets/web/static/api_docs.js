// Shows the OpenAPI document and tries its operations. Text from the document is never read as HTML.

const METHODS = ["get", "post", "put", "patch", "delete"];
let schemas = {};

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

function resolve(schema = {}) {
  return schema.$ref ? schemas[schema.$ref.split("/").pop()] ?? {} : schema;
}

/** An example of a schema: the one it states, else one made from its parts. */
function exampleOf(schema, depth = 0) {
  const known = resolve(schema);
  if (known.example !== undefined) return known.example;
  if (known.examples?.length) return known.examples[0];
  if (known.default !== undefined) return known.default;
  if (known.enum) return known.enum[0];
  const choice = (known.anyOf ?? known.oneOf ?? known.allOf)?.[0];
  if (choice) return exampleOf(choice, depth);
  if (depth > 6) return null;
  if (known.type === "array") return [exampleOf(known.items, depth + 1)];
  if (known.properties) {
    const entries = Object.entries(known.properties);
    return Object.fromEntries(entries.map(([name, part]) => [name, exampleOf(part, depth + 1)]));
  }
  return { string: "", integer: 0, number: 0, boolean: false, object: {} }[known.type] ?? null;
}

function typeOf(schema) {
  const known = resolve(schema);
  const choices = known.anyOf ?? known.oneOf;
  if (choices) return choices.map(typeOf).join(" or ");
  if (known.enum) return known.enum.join(" | ");
  const bounds = [["≥", known.minimum], ["≤", known.maximum]].filter(([, bound]) => bound !== undefined);
  return [known.type ?? "any", ...bounds.map((bound) => bound.join(" "))].join(" ");
}

function contentOf(described) {
  const [mediaType, content] = Object.entries(described?.content ?? {})[0] ?? [];
  if (!mediaType) return null;
  const stated = content.example ?? Object.values(content.examples ?? {})[0]?.value;
  return { mediaType, example: stated ?? exampleOf(content.schema) };
}

function asText(value) {
  return typeof value === "string" ? value : JSON.stringify(value, null, 2);
}

function parameterField(parameter) {
  const example = parameter.example ?? parameter.schema?.examples?.[0];
  const input = element("input", { value: parameter.required ? example ?? "" : "", placeholder: example ?? "" });
  const words = `${parameter.name} (${parameter.in}${parameter.required ? ", required" : ""}): `
    + `${typeOf(parameter.schema)} ${parameter.description ?? ""}`;
  return { parameter, input, label: element("label", {}, words, input) };
}

function requestOf(path, method, fields, body) {
  const query = new URLSearchParams();
  const headers = {};
  let filled = path;
  for (const { parameter, input } of fields) {
    if (parameter.in === "path") filled = filled.replace(`{${parameter.name}}`, encodeURIComponent(input.value));
    else if (input.value === "") continue;
    else if (parameter.in === "query") query.append(parameter.name, input.value);
    else if (parameter.in === "header") headers[parameter.name] = input.value;
  }
  const token = document.getElementById("token").value.trim();
  if (token) headers.Authorization = `Bearer ${token}`;
  const csrf = document.cookie.match(/(?:^|; )market_assets_csrf=([^;]*)/);
  if (csrf && !token) headers["X-CSRF-Token"] = csrf[1];
  if (body) headers["Content-Type"] = body.mediaType;
  const url = query.size ? `${filled}?${query}` : filled;
  return { url, options: { method: method.toUpperCase(), headers, body: body?.area.value } };
}

function quoted(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function curlOf({ url, options }) {
  const parts = ["curl", "-X", options.method];
  for (const [name, value] of Object.entries(options.headers)) {
    if (name === "X-CSRF-Token") continue;
    if (name !== "Authorization") parts.push("-H", quoted(`${name}: ${value}`));
  }
  parts.push("-H", '"Authorization: Bearer $TOKEN"');
  if (options.body) parts.push("-d", quoted(options.body));
  return [...parts, quoted(location.origin + url)].join(" ");
}

async function send(request, output) {
  output.textContent = `${curlOf(request)}\n\n…`;
  try {
    const answer = await fetch(request.url, { ...request.options, credentials: "same-origin" });
    const text = await answer.text();
    let shown = text;
    try { shown = asText(JSON.parse(text)); } catch { /* not JSON: shown as it came */ }
    output.textContent = `${curlOf(request)}\n\n${answer.status} ${answer.statusText}\n${shown}`;
  } catch (error) {
    output.textContent = `${curlOf(request)}\n\n${error}`;
  }
}

function operationOf(path, method, operation) {
  const inside = element("div");
  inside.append(element("p", { textContent: operation.description ?? "" }));
  const fields = (operation.parameters ?? []).map(parameterField);
  inside.append(...fields.map((field) => field.label));
  let body = contentOf(operation.requestBody);
  if (body) {
    const text = asText(body.example);
    const area = element("textarea", { value: text, rows: Math.min(14, text.split("\n").length + 1) });
    body = { ...body, area };
    inside.append(element("label", {}, `Body (${body.mediaType})`, area));
  }
  const output = element("pre", { hidden: true });
  const button = element("button", { type: "button", textContent: "Try it" });
  button.addEventListener("click", () => {
    output.hidden = false;
    send(requestOf(path, method, fields, body), output);
  });
  inside.append(button, output, ...Object.entries(operation.responses).flatMap(responseOf));
  const title = element("summary", {},
    element("span", { className: `method ${method}`, textContent: method.toUpperCase() }),
    element("span", { className: "path", textContent: path }),
    element("span", { className: "short", textContent: operation.summary ?? "" }));
  return element("details", { id: operation.operationId ?? "" }, title, inside);
}

function responseOf([status, response]) {
  const content = contentOf(response);
  const title = element("h3", { textContent: `${status} ${response.description ?? ""}` });
  return content ? [title, element("pre", { textContent: asText(content.example) })] : [title];
}

function show(api) {
  schemas = api.components?.schemas ?? {};
  document.getElementById("title").textContent = `${api.info.title} API ${api.info.version}`;
  document.getElementById("about").textContent = api.info.description ?? "";
  const sections = new Map();
  for (const [path, operations] of Object.entries(api.paths)) {
    for (const method of METHODS.filter((known) => operations[known])) {
      const tag = operations[method].tags?.[0] ?? "other";
      if (!sections.has(tag)) sections.set(tag, element("section", {}, element("h2", { textContent: tag })));
      sections.get(tag).append(operationOf(path, method, operations[method]));
    }
  }
  document.getElementById("operations").append(...sections.values());
}

const answer = await fetch("/api/openapi.json", { credentials: "same-origin" });
if (answer.ok) show(await answer.json());
else document.getElementById("about").textContent = `The description could not be loaded: ${answer.status}`;
