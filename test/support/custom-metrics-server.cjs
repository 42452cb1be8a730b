// Runs in a pod of the tests: answers as a custom metrics API with the number in a file, for every metric of every object.
const { readFileSync } = require("node:fs");
const { createServer } = require("node:https");

const group = "custom.metrics.k8s.io";
const version = `${group}/v1beta2`;
const [tls, value] = process.argv.slice(2);

const resources = {
  kind: "APIResourceList",
  apiVersion: "v1",
  groupVersion: version,
  resources: [{ name: "services/metric", singularName: "", namespaced: true, kind: "MetricValueList", verbs: ["get"] }],
};

/** The answer to `path`, undefined where there is nothing. Objects: /apis/GROUP/VERSION/namespaces/NAMESPACE/RESOURCE/NAME/METRIC */
function answerTo(path) {
  if (path === `/apis/${version}`) return resources;
  const found = /^\/apis\/[^/]+\/v1beta2\/namespaces\/([^/]+)\/([^/]+)\/([^/]+)\/([^/]+)$/.exec(path);
  if (found === null) return undefined;
  const [, namespace, , name, metric] = found;
  const describedObject = { kind: "Service", apiVersion: "v1", namespace, name };
  const items = [
    { describedObject, metric: { name: metric }, timestamp: new Date().toISOString(), value: readFileSync(value, "utf8").trim() },
  ];
  return { kind: "MetricValueList", apiVersion: version, metadata: {}, items };
}

const options = { cert: readFileSync(`${tls}/tls.crt`), key: readFileSync(`${tls}/tls.key`) };
createServer(options, (request, response) => {
  const answer = answerTo(new URL(request.url ?? "/", "https://here").pathname);
  response.writeHead(answer === undefined ? 404 : 200, { "content-type": "application/json" });
  response.end(JSON.stringify(answer ?? { kind: "Status", apiVersion: "v1", status: "Failure", reason: "NotFound", code: 404 }));
}).listen(8443);
