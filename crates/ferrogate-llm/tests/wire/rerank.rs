//! Reranking.

use ferrogate_llm::rerank::{self, RerankDialect};
use ferrogate_llm::{Dialect, Lossy};
use serde_json::{Value, json};

use crate::support::json as parse;

const COHERE: &str = include_str!("../data/rerank/cohere.json");
const NVIDIA: &str = include_str!("../data/rerank/nvidia.json");

fn sent(dialect: RerankDialect, body: &Value, model: &str) -> (Value, Vec<String>) {
    let body = body.to_string();
    let request = rerank::read_request(body.as_bytes()).unwrap();
    let mut lossy = Lossy::new(Dialect::Cohere);
    let written = rerank::write_request(dialect, &request, model, &mut lossy).unwrap();
    (parse(written), lossy.fields().map(str::to_owned).collect())
}

fn answered(body: &Value, request: &Value) -> Value {
    let (body, request) = (body.to_string(), request.to_string());
    let request = rerank::read_request(request.as_bytes()).unwrap();
    let answer = rerank::read_answer(body.as_bytes()).unwrap();
    parse(rerank::write_answer(&answer, &request, "id1"))
}

#[test]
fn a_request_is_written_for_each_provider() {
    let cohere = parse(COHERE)["request"].clone();
    assert_eq!(
        sent(RerankDialect::Cohere, &cohere, "rerank-v3.5"),
        (cohere.clone(), Vec::new())
    );
    let nvidia = parse(NVIDIA)["request"].clone();
    let (written, lossy) = sent(
        RerankDialect::Nvidia,
        &cohere,
        nvidia["model"].as_str().unwrap(),
    );
    assert_eq!((written, lossy), (nvidia, Vec::new()));
    let mut more = cohere.clone();
    more["max_tokens_per_doc"] = 100.into();
    more["priority"] = 1.into();
    more["documents"][0] = json!({"text": "Bergen is wet.", "page": 3});
    let (query, documents) = (cohere["query"].clone(), cohere["documents"].clone());
    assert_eq!(
        sent(RerankDialect::Voyage, &more, "rerank-2.5"),
        (
            json!({"model": "rerank-2.5", "query": query, "documents": documents, "top_k": 2}),
            vec!["max_tokens_per_doc".to_owned(), "priority".to_owned()]
        )
    );
    assert_eq!(
        sent(RerankDialect::BedrockCohere, &more, "cohere.rerank-v3-5:0"),
        (
            json!({"query": query, "documents": documents, "top_n": 2, "api_version": 2, "max_tokens_per_doc": 100}),
            vec!["priority".to_owned()]
        )
    );
}

#[test]
fn each_provider_has_its_own_words() {
    let ask = json!({"model": "m", "query": "q", "documents": ["a", {"text": "b", "page": 3}], "top_n": 1,
        "max_tokens_per_doc": 9, "return_documents": true, "x": 1});
    let lost =
        |names: &[&str]| -> Vec<String> { names.iter().map(|name| (*name).to_owned()).collect() };
    for (dialect, written, lossy) in [
        (
            RerankDialect::Jina,
            json!({"model": "up", "query": "q", "documents": ["a", "b"], "top_n": 1, "max_tokens_per_doc": 9, "x": 1}),
            lost(&[]),
        ),
        (
            RerankDialect::BedrockAmazon,
            json!({"query": "q", "documents": ["a", "b"], "top_n": 1}),
            lost(&["max_tokens_per_doc", "x"]),
        ),
        (
            RerankDialect::DeepInfra,
            json!({"queries": ["q", "q"], "documents": ["a", "b"]}),
            lost(&["max_tokens_per_doc", "x"]),
        ),
        (
            RerankDialect::Cloudflare,
            json!({"query": "q", "contexts": [{"text": "a"}, {"text": "b"}], "top_k": 1}),
            lost(&["max_tokens_per_doc", "x"]),
        ),
        (
            RerankDialect::Tei,
            json!({"query": "q", "texts": ["a", "b"], "truncate": true}),
            lost(&["max_tokens_per_doc", "x"]),
        ),
    ] {
        assert_eq!(sent(dialect, &ask, "up"), (written, lossy), "{dialect:?}");
    }
}

#[test]
fn documents_that_are_no_texts_go_where_they_are_ranked() {
    let image = json!({"image": "https://x.test/a.png"});
    let ask = json!({"model": "m", "query": "q", "documents": [image, "a"]});
    let (written, _) = sent(RerankDialect::Jina, &ask, "up");
    assert_eq!(written["documents"], ask["documents"]);
    let fields = json!({"model": "m", "query": "q", "documents": [{"text": "b", "title": "t"}], "rank_fields": ["title"]});
    let (written, _) = sent(RerankDialect::Jina, &fields, "up");
    assert_eq!(written["documents"], fields["documents"]);
    let body = ask.to_string();
    let request = rerank::read_request(body.as_bytes()).unwrap();
    let mut lossy = Lossy::new(Dialect::Cohere);
    let refused = rerank::write_request(RerankDialect::Cohere, &request, "m", &mut lossy);
    assert_eq!(refused.unwrap_err().param, "documents");
}

#[test]
fn a_query_is_not_repeated_without_end() {
    let documents = vec!["d"; 2000];
    let body = json!({"model": "m", "query": "q".repeat(10_000), "documents": documents});
    let body = body.to_string();
    let request = rerank::read_request(body.as_bytes()).unwrap();
    let mut lossy = Lossy::new(Dialect::Cohere);
    let refused = rerank::write_request(RerankDialect::DeepInfra, &request, "m", &mut lossy);
    assert_eq!(refused.unwrap_err().param, "documents");
}

#[test]
fn an_answer_has_coheres_shape_whoever_gave_it() {
    let mut request = parse(COHERE)["request"].clone();
    let cohere = parse(COHERE)["response"].clone();
    let mut expected = cohere.clone();
    expected["model"] = "rerank-v3.5".into();
    expected["meta"]["billed_units"]["search_units"] = 1.into();
    assert_eq!(answered(&cohere, &request), expected);

    request["return_documents"] = true.into();
    request["documents"][0] = json!({"text": "Bergen is wet.", "page": 3});
    let written = answered(&cohere, &request);
    assert_eq!(
        written["results"][0]["document"],
        json!({"text": "Oslo is the capital."})
    );
    assert_eq!(
        written["results"][1]["document"],
        json!({"text": "Bergen is wet.", "page": 3})
    );

    let order = |body: Value, most: u64| {
        let mut request = parse(COHERE)["request"].clone();
        request["top_n"] = most.into();
        let written = answered(&body, &request);
        let results = written["results"].as_array().unwrap();
        results
            .iter()
            .map(|ranked| {
                (
                    ranked["index"].as_u64().unwrap(),
                    (ranked["relevance_score"].as_f64().unwrap() * 1e4).round(),
                )
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(order(parse(NVIDIA)["response"].clone(), 1), [(1, 9993.0)]);
    assert_eq!(
        order(parse(NVIDIA)["response"].clone(), 9),
        [(1, 9993.0), (0, 293.0)]
    );
    let voyage = json!({"object": "list", "data": [{"relevance_score": 0.2, "index": 0}, {"relevance_score": 0.9, "index": 1}], "usage": {"total_tokens": 26}});
    assert_eq!(order(voyage.clone(), 2), [(1, 9000.0), (0, 2000.0)]);
    assert_eq!(
        answered(&voyage, &request)["meta"]["tokens"]["input_tokens"],
        26
    );
    let deepinfra = json!({"scores": [0.25, 0.75], "input_tokens": 12, "request_id": "r", "inference_status": {"status": "succeeded"}});
    assert_eq!(order(deepinfra.clone(), 1), [(1, 7500.0)]);
    assert_eq!(
        answered(&deepinfra, &request)["meta"]["tokens"]["input_tokens"],
        12
    );
    let cloudflare = json!({"result": {"response": [{"id": 1, "score": 0.5}, {"id": 0, "score": 0.75}]}, "success": true, "errors": [], "messages": []});
    assert_eq!(order(cloudflare, 2), [(0, 7500.0), (1, 5000.0)]);
    let vllm = json!({"id": "rerank-1", "model": "up", "usage": {"total_tokens": 56}, "results": [
        {"index": 1, "document": {"text": "b"}, "relevance_score": 0.75}, {"index": 0, "document": {"text": "a"}, "relevance_score": 0.5}]});
    assert_eq!(order(vllm, 2), [(1, 7500.0), (0, 5000.0)]);
    // Text Embeddings Inference; a place that the request does not have.
    assert_eq!(
        order(
            json!([{"index": 7, "score": 0.9}, {"index": 0, "score": 0.5}]),
            2
        ),
        [(0, 5000.0)]
    );
}

#[test]
fn nonsense_is_refused() {
    for (body, message) in [
        (
            json!({"query": "q", "documents": ["d"]}),
            "you must provide a model parameter",
        ),
        (
            json!({"model": "m", "documents": ["d"]}),
            "`query` must be a string",
        ),
        (
            json!({"model": "m", "query": "q", "documents": []}),
            "`documents` must be an array of one document at least",
        ),
        (
            json!({"model": "m", "query": "q", "documents": ["d", ["t"]]}),
            "`documents[1]` must be a string or an object",
        ),
    ] {
        let body = body.to_string();
        assert_eq!(
            rerank::read_request(body.as_bytes())
                .unwrap_err()
                .to_string(),
            message
        );
    }
    for (body, message) in [
        ("{}", "the answer holds no ranking"),
        (r#"{"scores":["a"]}"#, "the answer holds no ranking"),
        (
            r#"{"result":{"response":7}}"#,
            "the answer holds no ranking",
        ),
        (
            r#"{"results":[{"index":-1,"score":1}]}"#,
            "the answer holds no ranking",
        ),
        (r#"{"error":"overloaded"}"#, "overloaded"),
    ] {
        assert_eq!(
            rerank::read_answer(body.as_bytes()).unwrap_err().message,
            message
        );
    }
}
