//! Embeddings.

use ferrogate_llm::embeddings::{self, EmbeddingAnswer, EmbeddingRequest};
use ferrogate_llm::{Address, Dialect, EmbeddingDialect, Lossy, Untranslatable};
use serde_json::{Value, json};

use crate::support::json as parse;

const OPENAI_FLOAT: &str = include_str!("../data/embeddings/openai.float.json");
const OPENAI_BASE64: &str = include_str!("../data/embeddings/openai.base64.json");
const GEMINI: &str = include_str!("../data/embeddings/gemini-batch.json");
const VERTEX: &str = include_str!("../data/embeddings/vertex.json");
const COHERE: &str = include_str!("../data/embeddings/cohere.json");
const HUGGING_FACE: &str = include_str!("../data/embeddings/hugging-face.json");
const OLLAMA: &str = include_str!("../data/embeddings/ollama.json");
const TITAN: &str = include_str!("../data/embeddings/titan-v2.json");

fn read(dialect: EmbeddingDialect, body: &str) -> EmbeddingRequest<'_> {
    let address = Address {
        model: Some("asked".into()),
        stream: false,
    };
    embeddings::read_request(dialect, body.as_bytes(), address).unwrap()
}

type Written = Result<(Vec<Value>, Vec<String>), Untranslatable>;

fn try_calls(from: EmbeddingDialect, body: &Value, to: EmbeddingDialect, model: &str) -> Written {
    let body = body.to_string();
    let mut lossy = Lossy::new(Dialect::OpenAiChat);
    let calls = embeddings::write_calls(to, &read(from, &body), model, &mut lossy)?;
    Ok((
        calls.iter().map(parse).collect(),
        lossy.fields().map(str::to_owned).collect(),
    ))
}

/// What is sent of a request, and what is lost of it.
fn check(
    (from, body): (EmbeddingDialect, &Value),
    (to, model): (EmbeddingDialect, &str),
    expected: &[Value],
    lost: &[&str],
) {
    let (calls, lossy) = try_calls(from, body, to, model).unwrap();
    assert_eq!(calls, expected, "{to:?}");
    assert_eq!(lossy, lost, "{to:?}");
}

use EmbeddingDialect as E;

#[test]
fn the_recorded_requests_say_the_same() {
    let (cohere, gemini, vertex, titan) =
        (parse(COHERE), parse(GEMINI), parse(VERTEX), parse(TITAN));
    let request = |fixture: &Value| fixture["request"].clone();
    let cohere = request(&cohere);
    check(
        (E::Cohere, &cohere),
        (E::Cohere, "embed-v4.0"),
        std::slice::from_ref(&cohere),
        &[],
    );
    let gemini = request(&gemini);
    check(
        (E::GeminiBatch, &gemini),
        (E::GeminiBatch, "gemini-embedding-001"),
        std::slice::from_ref(&gemini),
        &[],
    );
    let body = json!({"model": "m", "texts": ["alpha"], "input_type": "search_query", "output_dimension": 4, "truncate": "END"});
    check(
        (E::Cohere, &body),
        (E::Vertex, "text-embedding-005"),
        &[request(&vertex)],
        &[],
    );
    let mut titan = request(&titan);
    titan.as_object_mut().unwrap().remove("normalize");
    let body =
        json!({"model": "m", "input": "alpha", "dimensions": 256, "encoding_format": "base64"});
    check(
        (E::OpenAi, &body),
        (E::Titan, "amazon.titan-embed-text-v2:0"),
        &[titan],
        &[],
    );
    // Google's caller, Cohere's provider.
    let mut expected = cohere.clone();
    expected["output_dimension"] = 4.into();
    check(
        (E::GeminiBatch, &gemini),
        (E::Cohere, "embed-v4.0"),
        &[expected.clone()],
        &[],
    );
    expected.as_object_mut().unwrap().remove("model");
    expected.as_object_mut().unwrap().remove("embedding_types");
    check(
        (E::GeminiBatch, &gemini),
        (E::BedrockCohere, "cohere.embed-v4:0"),
        &[expected],
        &[],
    );
}

#[test]
fn a_request_of_openai_becomes_what_each_provider_takes() {
    let body = json!({"model": "m", "input": ["alpha", "beta"], "dimensions": 4, "user": "u", "input_type": "query", "x": 1});
    let lost = ["user", "x"];
    let content = |text: &str| json!({"parts": [{"text": text}]});
    check(
        (E::OpenAi, &body),
        (E::OpenAi, "text-embedding-3-small"),
        &[
            json!({"model": "text-embedding-3-small", "input": ["alpha", "beta"], "dimensions": 4, "user": "u", "input_type": "query", "x": 1}),
        ],
        &[],
    );
    let one = |text: &str| json!({"content": content(text), "taskType": "RETRIEVAL_QUERY", "outputDimensionality": 4});
    check(
        (E::OpenAi, &body),
        (E::Gemini, "gemini-embedding-2"),
        &[one("alpha"), one("beta")],
        &lost,
    );
    let named = |text: &str| {
        let mut request = one(text);
        request["model"] = "models/g".into();
        request
    };
    check(
        (E::OpenAi, &body),
        (E::GeminiBatch, "g"),
        &[json!({"requests": [named("alpha"), named("beta")]})],
        &lost,
    );
    let vertex = |texts: &[&str]| {
        let instances: Vec<Value> = texts
            .iter()
            .map(|text| json!({"content": text, "task_type": "RETRIEVAL_QUERY"}))
            .collect();
        json!({"instances": instances, "parameters": {"outputDimensionality": 4}})
    };
    check(
        (E::OpenAi, &body),
        (E::Vertex, "text-embedding-005"),
        &[vertex(&["alpha", "beta"])],
        &lost,
    );
    check(
        (E::OpenAi, &body),
        (E::Vertex, "gemini-embedding-001"),
        &[vertex(&["alpha"]), vertex(&["beta"])],
        &lost,
    );
    let titan = |text: &str| json!({"inputText": text});
    check(
        (E::OpenAi, &body),
        (E::Titan, "amazon.titan-embed-text-v1"),
        &[titan("alpha"), titan("beta")],
        &["dimensions", "input_type", "user", "x"],
    );
    let cohere = json!({"model": "c", "texts": ["alpha", "beta"], "input_type": "search_query", "embedding_types": ["float"], "output_dimension": 4});
    check((E::OpenAi, &body), (E::Cohere, "c"), &[cohere], &lost);
}

#[test]
fn vendors_of_openais_dialect_are_asked_in_their_own_words() {
    let openai = json!({"model": "m", "input": ["a"], "dimensions": 4, "user": "u", "input_type": "query", "x": 1});
    let bare = json!({"model": "m", "input": ["a"]});
    let cohere = json!({"model": "m", "texts": ["a"], "input_type": "search_document", "output_dimension": 4, "truncate": "START"});
    for (to, of_openai, of_bare, of_cohere) in [
        (
            E::Mistral,
            (
                json!({"output_dimension": 4, "input_type": "query", "x": 1}),
                vec!["user"],
            ),
            json!({}),
            (
                json!({"output_dimension": 4}),
                vec!["truncate", "input_type"],
            ),
        ),
        (
            E::Nvidia,
            (
                json!({"dimensions": 4, "user": "u", "input_type": "query", "x": 1}),
                vec![],
            ),
            json!({"input_type": "passage"}),
            (
                json!({"dimensions": 4, "input_type": "passage", "truncate": "START"}),
                vec![],
            ),
        ),
        (
            E::Voyage,
            (
                json!({"output_dimension": 4, "input_type": "query", "x": 1}),
                vec!["user"],
            ),
            json!({}),
            (
                json!({"output_dimension": 4, "input_type": "document"}),
                vec!["truncate"],
            ),
        ),
        (
            E::Jina,
            (
                json!({"dimensions": 4, "task": "retrieval.query", "x": 1}),
                vec!["user"],
            ),
            json!({}),
            (
                json!({"dimensions": 4, "task": "retrieval.passage"}),
                vec!["truncate"],
            ),
        ),
        (
            E::Ollama,
            (json!({"dimensions": 4}), vec!["input_type", "user", "x"]),
            json!({}),
            (json!({"dimensions": 4}), vec!["truncate", "input_type"]),
        ),
    ] {
        let whole = |more: Value| {
            let mut body = json!({"model": "up", "input": ["a"]});
            body.as_object_mut()
                .unwrap()
                .extend(more.as_object().unwrap().clone());
            body
        };
        check(
            (E::OpenAi, &openai),
            (to, "up"),
            &[whole(of_openai.0)],
            &of_openai.1,
        );
        check((E::OpenAi, &bare), (to, "up"), &[whole(of_bare)], &[]);
        check(
            (E::Cohere, &cohere),
            (to, "up"),
            &[whole(of_cohere.0)],
            &of_cohere.1,
        );
    }
    // What is embedded stands in the model's name already.
    let (calls, _) = try_calls(E::OpenAi, &bare, E::Nvidia, "nv-embedqa-query").unwrap();
    assert_eq!(calls[0].get("input_type"), None);
    // In the vendor's own words.
    let own = json!({"model": "m", "input": "a", "task": "code.query", "truncate": true});
    check(
        (E::OpenAi, &own),
        (E::Jina, "up"),
        &[json!({"model": "up", "input": ["a"], "task": "code.query", "truncate": true})],
        &[],
    );
    let cut = json!({"model": "m", "texts": ["a"], "truncate": "NONE"});
    check(
        (E::Cohere, &cut),
        (E::Voyage, "up"),
        &[json!({"model": "up", "input": ["a"], "truncation": false})],
        &[],
    );
    check(
        (E::Cohere, &cut),
        (E::HuggingFace, "up"),
        &[json!({"inputs": ["a"], "truncate": false})],
        &[],
    );
    let recorded = parse(HUGGING_FACE)["request"].clone();
    let two = json!({"model": "m", "input": ["alpha", "beta"]});
    check((E::OpenAi, &two), (E::HuggingFace, "up"), &[recorded], &[]);
    let recorded = parse(OLLAMA)["request"].clone();
    check(
        (E::OpenAi, &two),
        (E::Ollama, "nomic-embed-text"),
        &[recorded],
        &[],
    );
}

#[test]
fn nova_embeds_one_thing_at_a_time() {
    let url = "data:image/png;base64,QQ==";
    let params = |more: Value| {
        let mut params = more;
        params["embeddingDimension"] = 256.into();
        json!({"schemaVersion": "nova-multimodal-embed-v1", "taskType": "SINGLE_EMBEDDING", "singleEmbeddingParams": params})
    };
    let texts = json!({"model": "m", "texts": ["a"], "input_type": "search_query", "truncate": "NONE", "output_dimension": 256});
    let nova = (E::Nova, "amazon.nova-2-multimodal-embeddings-v1:0");
    check(
        (E::Cohere, &texts),
        nova,
        &[params(
            json!({"embeddingPurpose": "GENERIC_RETRIEVAL", "text": {"value": "a", "truncationMode": "NONE"}}),
        )],
        &[],
    );
    let pictures =
        json!({"model": "m", "images": [url], "input_type": "image", "output_dimension": 256});
    check(
        (E::Cohere, &pictures),
        nova,
        &[params(
            json!({"embeddingPurpose": "GENERIC_INDEX", "image": {"format": "png", "source": {"bytes": "QQ=="}}}),
        )],
        &["input_type"],
    );
    let far = json!({"model": "m", "images": ["https://x.test/a.png"]});
    let refused = try_calls(E::Cohere, &far, E::Nova, "m").unwrap_err();
    assert_eq!(refused.param, "texts");
}

#[test]
fn many_inputs_are_several_calls() {
    for (to, inputs, sizes) in [
        (E::OpenAi, 2048, vec![2048]),
        (E::GeminiBatch, 201, vec![100, 100, 1]),
        (E::Vertex, 251, vec![250, 1]),
        (E::Cohere, 97, vec![96, 1]),
        (E::BedrockCohere, 192, vec![96, 96]),
        (E::Titan, 3, vec![1, 1, 1]),
        (E::Nova, 2, vec![1, 1]),
        (E::Qwen, 21, vec![10, 10, 1]),
        (E::Tei, 33, vec![32, 1]),
        (E::HuggingFace, 33, vec![32, 1]),
    ] {
        let input: Vec<String> = (0..inputs).map(|n| n.to_string()).collect();
        let (calls, _) =
            try_calls(E::OpenAi, &json!({"model": "m", "input": input}), to, "m").unwrap();
        let count = |call: &Value| {
            ["input", "inputs", "requests", "instances", "texts"]
                .iter()
                .find_map(|name| call[name].as_array().map(Vec::len))
                .unwrap_or(1)
        };
        assert_eq!(calls.iter().map(count).collect::<Vec<_>>(), sizes, "{to:?}");
    }
}

#[test]
fn requests_that_are_none_are_refused() {
    let many = vec!["x"; 2049];
    for (dialect, body, message) in [
        (
            E::OpenAi,
            json!({"model": "m"}),
            "`input` must be a text, tokens, or an array of either",
        ),
        (
            E::OpenAi,
            json!({"model": "m", "input": []}),
            "`input` must be one input at least, and 2048 at most",
        ),
        (
            E::OpenAi,
            json!({"model": "m", "input": many}),
            "`input` must be one input at least, and 2048 at most",
        ),
        (
            E::OpenAi,
            json!({"model": "m", "input": [["a"]]}),
            "`input` must be a text, tokens, or an array of either",
        ),
        (
            E::OpenAi,
            json!({"model": "m", "input": "a", "encoding_format": "x"}),
            "`encoding_format` must be one of float, base64",
        ),
        (
            E::Cohere,
            json!({"model": "m"}),
            "`texts` must be one input at least, and 2048 at most",
        ),
        (
            E::GeminiBatch,
            json!({"requests": [
                {"content": {"parts": [{"text": "a"}]}},
                {"content": {"parts": [{"text": "b"}]}, "taskType": "CLUSTERING"},
            ]}),
            "`requests[1]` must be like the first request in all but its content",
        ),
    ] {
        let text = body.to_string();
        let address = Address {
            model: Some("asked".into()),
            stream: false,
        };
        let refused = embeddings::read_request(dialect, text.as_bytes(), address).unwrap_err();
        assert_eq!(refused.to_string(), message);
    }
    for dialect in [E::Vertex, E::Titan, E::BedrockCohere, E::Nova, E::Ollama] {
        assert!(embeddings::read_request(dialect, b"{}", Address::default()).is_err());
    }
}

#[test]
fn tokens_pictures_and_types_go_where_they_are_known() {
    let tokens = json!({"model": "m", "input": [[1, 2], [3]]});
    check(
        (E::OpenAi, &tokens),
        (E::OpenAi, "m"),
        std::slice::from_ref(&tokens),
        &[],
    );
    for to in [
        E::Gemini,
        E::GeminiBatch,
        E::Vertex,
        E::Titan,
        E::Cohere,
        E::Mistral,
        E::Nova,
        E::Ollama,
        E::HuggingFace,
    ] {
        assert_eq!(
            try_calls(E::OpenAi, &tokens, to, "m").unwrap_err().param,
            "input",
            "{to:?}"
        );
    }
    let one = json!({"model": "m", "input": [1, 2]});
    let (calls, _) = try_calls(E::OpenAi, &one, E::OpenAi, "m").unwrap();
    assert_eq!(calls[0]["input"], json!([[1, 2]]));

    let url = "data:image/png;base64,QQ==";
    let pictures = json!({"model": "m", "images": [url, url], "input_type": "image"});
    let (calls, _) = try_calls(E::Cohere, &pictures, E::BedrockCohere, "c").unwrap();
    assert_eq!(
        calls,
        vec![json!({"images": [url], "input_type": "image"}); 2]
    );
    let (calls, lossy) = try_calls(E::Cohere, &pictures, E::Gemini, "g").unwrap();
    assert_eq!(
        calls[0]["content"]["parts"],
        json!([{"inlineData": {"mimeType": "image/png", "data": "QQ=="}}])
    );
    assert_eq!(lossy, ["input_type"]);
    let (calls, _) = try_calls(
        E::Cohere,
        &pictures,
        E::Titan,
        "amazon.titan-embed-image-v1",
    )
    .unwrap();
    assert_eq!(calls[0], json!({"inputImage": "QQ=="}));
    assert_eq!(
        try_calls(E::Cohere, &pictures, E::OpenAi, "m")
            .unwrap_err()
            .param,
        "texts"
    );
    let mixed = json!({"model": "m", "inputs": [{"content": [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": url}}]}], "input_type": "search_document", "embedding_types": ["float"]});
    check(
        (E::Cohere, &mixed),
        (E::Cohere, "m"),
        std::slice::from_ref(&mixed),
        &[],
    );

    let types =
        json!({"model": "m", "texts": ["a"], "embedding_types": ["int8", "base64", "float"]});
    assert_eq!(
        try_calls(E::Cohere, &types, E::OpenAi, "m")
            .unwrap_err()
            .param,
        "embedding_types"
    );
    let (calls, _) = try_calls(E::Cohere, &types, E::BedrockCohere, "c").unwrap();
    assert_eq!(calls[0]["embedding_types"], json!(["int8", "float"]));
}

fn answered(from: E, body: &str, to: E, request: &Value) -> Value {
    let request = request.to_string();
    let caller = read(to, &request);
    let answer = embeddings::read_answer(from, body.as_bytes()).unwrap();
    let count = caller.inputs.len();
    let answer = embeddings::merge(vec![answer], count).unwrap();
    parse(embeddings::write_answer(to, &answer, &caller.asked("id1")).unwrap())
}

#[test]
fn answers_are_read_and_written() {
    let float = json!({"model": "text-embedding-3-small", "input": "a"});
    let base64 =
        json!({"model": "text-embedding-3-small", "input": "a", "encoding_format": "base64"});
    for body in [OPENAI_FLOAT, OPENAI_BASE64] {
        assert_eq!(
            answered(E::OpenAi, body, E::OpenAi, &float),
            parse(OPENAI_FLOAT)
        );
        assert_eq!(
            answered(E::OpenAi, body, E::OpenAi, &base64),
            parse(OPENAI_BASE64)
        );
    }
    let response = |fixture: &str| parse(fixture)["response"].clone();
    let batch = parse(GEMINI)["request"].clone();
    assert_eq!(
        answered(
            E::GeminiBatch,
            &response(GEMINI).to_string(),
            E::GeminiBatch,
            &batch
        ),
        response(GEMINI)
    );
    let two = json!({"model": "m", "input": ["a", "b"]});
    let written = answered(E::Cohere, &response(COHERE).to_string(), E::OpenAi, &two);
    assert_eq!(
        written["data"][1],
        json!({"object": "embedding", "index": 1, "embedding": [0.3, 0.4]})
    );
    assert_eq!(
        written["usage"],
        json!({"prompt_tokens": 2, "total_tokens": 2})
    );
    for (dialect, fixture) in [(E::HuggingFace, HUGGING_FACE), (E::Ollama, OLLAMA)] {
        let written = answered(dialect, &response(fixture).to_string(), E::OpenAi, &two);
        assert_eq!(
            written["data"][1]["embedding"],
            json!([0.3, 0.4]),
            "{dialect:?}"
        );
    }
    let one = json!({"model": "m", "input": "a"});
    let nova = r#"{"embeddings":[{"embeddingType":"TEXT","embedding":[0.5]}]}"#;
    let written = answered(E::Nova, nova, E::OpenAi, &one);
    assert_eq!(written["data"][0]["embedding"], json!([0.5]));
    let small = r#"{"object":"list","data":[{"object":"embedding","index":0,"embedding":"f4AA"}],"usage":{"prompt_tokens":3,"total_tokens":3}}"#;
    let written = answered(E::Perplexity, small, E::OpenAi, &one);
    assert_eq!(written["data"][0]["embedding"], json!([127, -128, 0]));
    for (dialect, fixture, tokens) in [(E::Vertex, VERTEX, 1), (E::Titan, TITAN, 2)] {
        let written = answered(dialect, &response(fixture).to_string(), E::OpenAi, &one);
        assert_eq!(written["usage"]["prompt_tokens"], tokens);
        assert_eq!(written["data"][0]["embedding"][1], -0.2);
    }
    let asked =
        json!({"model": "m", "texts": ["a", "b"], "embedding_types": ["float", "base64", "int8"]});
    let body =
        json!({"embeddings": {"float": [[0.5], [1.0]], "int8": [[1], [2]], "binary": [[3], [4]]}})
            .to_string();
    assert_eq!(
        answered(E::BedrockCohere, &body, E::Cohere, &asked),
        json!({
            "id": "id1", "response_type": "embeddings_by_type", "meta": {"api_version": {"version": "2"}},
            "embeddings": {"float": [[0.5], [1.0]], "base64": ["AAAAPw==", "AACAPw=="], "int8": [[1], [2]]},
        })
    );
    let bare = answered(
        E::BedrockCohere,
        r#"{"embeddings":[[0.5],[1.0]]}"#,
        E::OpenAi,
        &two,
    );
    assert_eq!(bare["data"][1]["embedding"], json!([1.0]));
    let single = json!({"content": {"parts": [{"text": "a"}]}});
    assert_eq!(
        answered(E::OpenAi, OPENAI_FLOAT, E::Gemini, &single),
        json!({"embedding": {"values": [0.5, -0.25, 0.125, 1.0]}})
    );
}

#[test]
fn answers_of_several_calls_are_one() {
    let body =
        |number: u32| format!(r#"{{"embedding":[{number}.5],"inputTextTokenCount":{number}}}"#);
    let bodies: Vec<String> = (1..=3).map(body).collect();
    let read = |body: &'static str| embeddings::read_answer(E::Titan, body.as_bytes()).unwrap();
    let answers: Vec<EmbeddingAnswer<'_>> = bodies
        .iter()
        .map(|body| embeddings::read_answer(E::Titan, body.as_bytes()).unwrap())
        .collect();
    assert!(embeddings::merge(answers.clone(), 4).is_err());
    let all = embeddings::merge(answers.clone(), 3).unwrap();
    assert_eq!(all.usage.unwrap().input, 6);
    let request = json!({"model": "m", "input": ["a", "b", "c"]}).to_string();
    let asked = self::read(E::OpenAi, &request).asked("");
    let written = parse(embeddings::write_answer(E::OpenAi, &all, &asked).unwrap());
    assert_eq!(written["data"][2]["embedding"], json!([3.5]));
    // One that does not count makes the sum unknown.
    let uncounted = [answers[0].clone(), read(r#"{"embedding":[1.0]}"#)];
    assert_eq!(
        embeddings::merge(uncounted.to_vec(), 2).unwrap().usage,
        None
    );
}

#[test]
fn nonsense_is_a_fault() {
    for dialect in [E::OpenAi, E::Gemini, E::Vertex, E::Titan, E::Cohere] {
        for body in [
            "{}",
            "[]",
            "",
            r#"{"embedding":7,"embeddings":7,"data":7,"predictions":7}"#,
        ] {
            assert!(
                embeddings::read_answer(dialect, body.as_bytes()).is_err(),
                "{dialect:?} {body}"
            );
        }
        let fault = embeddings::read_answer(dialect, br#"{"error":"overloaded"}"#).unwrap_err();
        assert_eq!(fault.message, "overloaded");
    }
    // A vector for each token is none of the text.
    assert!(embeddings::read_answer(E::HuggingFace, b"[[[0.1],[0.2]]]").is_err());
}
