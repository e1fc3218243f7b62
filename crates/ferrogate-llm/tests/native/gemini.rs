//! What only Google's dialect knows.

use ferrogate_llm::chat::{Effort, Event, FinishReason};
use ferrogate_llm::{Address, Caller, Dialect, Efforts, ModelTraits, ThinkingStyle, count};
use serde_json::{Value, json};

use crate::support::{CALLER, Said, data, events, frames, json, relay, translate};

fn level() -> ModelTraits {
    ModelTraits {
        thinking: ThinkingStyle::GeminiLevel,
        ..ModelTraits::default()
    }
}

/// A chat request in Google's dialect, and what was lost.
fn from_chat(traits: &ModelTraits, body: &Value) -> (Value, Vec<String>) {
    translate(
        Dialect::OpenAiChat,
        Dialect::Gemini,
        traits,
        body.to_string().as_bytes(),
    )
    .expect("a chat request has a form")
}

fn answer(path: &str) -> Value {
    let body = data(path);
    let answer = Dialect::Gemini
        .protocol()
        .read_answer(&body)
        .expect("the recorded answer is one");
    json(
        &Dialect::OpenAiChat
            .protocol()
            .write_answer(&answer, &CALLER),
    )
}

#[test]
fn an_answer_of_googles_becomes_openais() {
    let written = answer("gemini/generate.response.json");
    assert_eq!(
        written["choices"][0]["message"]["content"],
        "Oslo is at 4 °C with rain."
    );
    assert_eq!(
        written["choices"][0]["message"]["reasoning_content"],
        "Weighing the tool result."
    );
    assert_eq!(written["choices"][0]["finish_reason"], "stop");
    assert_eq!(
        written["usage"],
        json!({"prompt_tokens": 320, "completion_tokens": 70, "total_tokens": 390,
            "prompt_tokens_details": {"cached_tokens": 256}, "completion_tokens_details": {"reasoning_tokens": 58}})
    );
}

#[test]
fn an_answer_without_words_is_one_all_the_same() {
    for (path, finish, output) in [
        ("gemini/blocked.response.json", "content_filter", 0),
        ("gemini/max-tokens-empty.response.json", "length", 64),
    ] {
        let written = answer(path);
        assert_eq!(written["choices"][0]["finish_reason"], finish, "{path}");
        assert_eq!(written["usage"]["completion_tokens"], output, "{path}");
    }
}

#[test]
fn a_blocked_prompt_stays_one_for_googles_callers() {
    let body = data("gemini/blocked.response.json");
    let answer = Dialect::Gemini.protocol().read_answer(&body).unwrap();
    let written = json(&Dialect::Gemini.protocol().write_answer(&answer, &CALLER));
    assert_eq!(
        written["promptFeedback"]["blockReason"],
        "PROHIBITED_CONTENT"
    );
    assert_eq!(written.get("candidates"), None);
}

#[test]
fn what_the_model_garbled_is_a_fault_when_nothing_else_came() {
    let check = |parts: Value, fails: bool| {
        let body = json!({"candidates": [{"content": {"parts": parts}, "finishReason": "MALFORMED_FUNCTION_CALL",
            "finishMessage": "no"}]})
        .to_string();
        let whole = Dialect::Gemini.protocol().read_answer(body.as_bytes());
        let streamed = events(Dialect::Gemini, &[(None, body.clone().into_bytes())]);
        let fault = streamed
            .iter()
            .any(|event| matches!(event, Event::Fault(fault) if fault.message == "no"));
        assert_eq!((whole.is_err(), fault), (fails, fails), "{body}");
        if let Ok(answer) = whole {
            let native = FinishReason::Other("MALFORMED_FUNCTION_CALL".to_owned());
            assert_eq!(answer.choices[0].finish, native);
        }
    };
    check(json!([]), true);
    check(json!([{"text": "I try."}]), false);
}

#[test]
fn every_finish_reason_has_a_meaning() {
    for (native, expected) in [
        ("STOP", "stop"),
        ("MAX_TOKENS", "length"),
        ("SAFETY", "content_filter"),
        ("IMAGE_SAFETY", "content_filter"),
        ("OTHER", "content_filter"),
        ("FINISH_REASON_UNSPECIFIED", "stop"),
        ("COMES_NEXT_YEAR", "stop"),
    ] {
        let body = json!({"candidates": [{"content": {"parts": [{"text": "x"}]}, "finishReason": native}]}).to_string();
        let answer = Dialect::Gemini
            .protocol()
            .read_answer(body.as_bytes())
            .unwrap();
        let written = json(
            &Dialect::OpenAiChat
                .protocol()
                .write_answer(&answer, &CALLER),
        );
        assert_eq!(written["choices"][0]["finish_reason"], expected, "{native}");
        let own = json(&Dialect::Gemini.protocol().write_answer(&answer, &CALLER));
        assert_eq!(own["candidates"][0]["finishReason"], native);
    }
}

/// The reference's translation of the stream: its calls and finish are told in fewer chunks, and its ids have no marks.
#[test]
fn the_stream_says_what_the_reference_expects() {
    for (from, path, expected) in [
        (
            Dialect::Gemini,
            "gemini/stream.sse",
            "gemini/stream.expected-openai.sse",
        ),
        (
            Dialect::Cohere,
            "cohere/chat.stream.sse",
            "cohere/chat.stream.expected-openai.sse",
        ),
    ] {
        let sent = relay(from, Dialect::OpenAiChat, [data(path).as_slice()]);
        let of = |bytes: &[u8]| {
            let mut said = Said::of_events(&events(
                Dialect::OpenAiChat,
                &frames(Dialect::OpenAiChat, bytes),
            ));
            for line in &mut said.lines {
                line.0 = line
                    .0
                    .replace("__thought__YjNCaGNYVmxMWE5wWjI1aGRIVnlaUzB3TURBeA", "");
            }
            said
        };
        let said = of(sent.sent.as_bytes());
        assert_eq!(said, of(&data(expected)), "{path}");
        assert_eq!(sent.usage, said.usage);
    }
}

/// A chat client's loop: the mark comes back in the id alone, or beside it, or not at all.
#[test]
fn marks_of_calls_come_back_through_other_dialects() {
    let body = data("gemini/stream.whole.json");
    let answer = Dialect::Gemini.protocol().read_answer(&body).unwrap();
    let written = json(
        &Dialect::OpenAiChat
            .protocol()
            .write_answer(&answer, &CALLER),
    );
    let calls = written["choices"][0]["message"]["tool_calls"].clone();
    let history = |calls: &Value| {
        json!({"model": "m", "messages": [{"role": "user", "content": "hi"},
            {"role": "assistant", "content": null, "tool_calls": calls},
            {"role": "tool", "tool_call_id": calls[1]["id"], "content": "[\"Blindern\"]"},
            {"role": "tool", "tool_call_id": calls[0]["id"], "content": "rain"}]})
    };
    let check = |calls: &Value, signature: &str| {
        let (written, _) = from_chat(&level(), &history(calls));
        assert_eq!(
            written["contents"],
            json!([{"role": "user", "parts": [{"text": "hi"}]},
                {"role": "model", "parts": [
                    {"functionCall": {"id": "fc-7", "name": "get_weather", "args": {"city": "Oslo"}},
                        "thoughtSignature": signature},
                    {"functionCall": {"id": "fc-8", "name": "list_stations", "args": {}}}]},
                {"role": "user", "parts": [
                    {"functionResponse": {"id": "fc-7", "name": "get_weather", "response": {"output": "rain"}}},
                    {"functionResponse": {"id": "fc-8", "name": "list_stations", "response": {"output": ["Blindern"]}}}]}])
        );
    };
    let mark = "b3BhcXVlLXNpZ25hdHVyZS0wMDAx";
    let mut only_id = calls.clone();
    only_id[0].as_object_mut().unwrap().remove("extra_content");
    check(&only_id, mark);
    let mut only_beside = calls.clone();
    only_beside[0]["id"] = "fc-7".into();
    check(&only_beside, mark);
    let mut neither = only_id;
    neither[0]["id"] = "fc-7".into();
    check(&neither, "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I=");
}

#[test]
fn ids_go_to_models_that_take_them() {
    let body = json!({"model": "m", "messages": [
        {"role": "assistant", "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": ""}}]},
        {"role": "tool", "tool_call_id": "c1", "content": "{\"a\": 1}"}]});
    let traits = ModelTraits {
        call_ids: false,
        ..ModelTraits::default()
    };
    let (written, _) = from_chat(&traits, &body);
    assert_eq!(
        written["contents"],
        json!([{"role": "model", "parts": [{"functionCall": {"name": "f", "args": {}}}]},
            {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"a": 1}}}]}])
    );
}

#[test]
fn instructions_move_to_the_front_and_empty_turns_vanish() {
    let body = json!({"model": "m", "messages": [
        {"role": "system", "content": "A"}, {"role": "user", "content": "1"}, {"role": "developer", "content": "B"},
        {"role": "user", "content": [{"type": "text", "text": ""}, {"type": "text", "text": "2"}]},
        {"role": "assistant", "content": ""}]});
    let (written, lost) = from_chat(&ModelTraits::default(), &body);
    assert_eq!(
        written,
        json!({"systemInstruction": {"parts": [{"text": "A"}, {"text": "B"}]},
            "contents": [{"role": "user", "parts": [{"text": "1"}, {"text": "2"}]}]})
    );
    assert_eq!(lost, ["messages.role"]);
    let body = json!({"model": "m", "messages": [{"role": "system", "content": "Only this."}]});
    let (written, lost) = from_chat(&ModelTraits::default(), &body);
    assert_eq!(
        written,
        json!({"contents": [{"role": "user", "parts": [{"text": "Only this."}]}]})
    );
    assert_eq!(lost, [""; 0]);
}

#[test]
fn results_show_pictures_where_the_model_takes_them() {
    let body = json!({"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "go"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "shot", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "is_error": true, "content": [
            {"type": "text", "text": "partly"},
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBO"}}]}]}]})
    .to_string();
    let picture = json!({"inlineData": {"mimeType": "image/png", "data": "iVBO"}});
    let result = json!({"id": "t1", "name": "shot", "response": {"error": "partly"}});
    let check = |traits: &ModelTraits, contents: Value| {
        let (written, _) =
            translate(Dialect::Anthropic, Dialect::Gemini, traits, body.as_bytes()).unwrap();
        assert_eq!(
            written["contents"].as_array().unwrap()[2..],
            *contents.as_array().unwrap()
        );
    };
    let mut with_picture = result.clone();
    with_picture["parts"] = json!([picture]);
    check(
        &level(),
        json!([{"role": "user", "parts": [{"functionResponse": with_picture}]}]),
    );
    check(
        &ModelTraits::default(),
        json!([{"role": "user", "parts": [{"functionResponse": result}]}, {"role": "user", "parts": [picture]}]),
    );
}

#[test]
fn thinking_is_asked_for_in_the_models_way() {
    let budget = ModelTraits {
        thinking: ThinkingStyle::GeminiBudget,
        min_thinking_budget: Some(128),
        ..ModelTraits::default()
    };
    let pro = ModelTraits {
        thinking_off: false,
        ..budget.clone()
    };
    let flash = ModelTraits {
        efforts: [Effort::Minimal, Effort::Low, Effort::Medium, Effort::High]
            .into_iter()
            .collect::<Efforts>(),
        ..level()
    };
    let none = ModelTraits {
        thinking: ThinkingStyle::None,
        ..ModelTraits::default()
    };
    let lost: &[&str] = &["reasoning_effort"];
    for (traits, effort, config, lossy) in [
        (
            &level(),
            "low",
            json!({"includeThoughts": true, "thinkingLevel": "LOW"}),
            &[][..],
        ),
        (
            &level(),
            "xhigh",
            json!({"includeThoughts": true, "thinkingLevel": "HIGH"}),
            &[],
        ),
        (
            &level(),
            "none",
            json!({"includeThoughts": false, "thinkingLevel": "LOW"}),
            lost,
        ),
        (
            &flash,
            "none",
            json!({"includeThoughts": false, "thinkingLevel": "MINIMAL"}),
            lost,
        ),
        (
            &flash,
            "minimal",
            json!({"includeThoughts": true, "thinkingLevel": "MINIMAL"}),
            &[],
        ),
        (
            &budget,
            "medium",
            json!({"includeThoughts": true, "thinkingBudget": 2048}),
            &[],
        ),
        (
            &budget,
            "none",
            json!({"includeThoughts": false, "thinkingBudget": 0}),
            &[],
        ),
        (
            &pro,
            "none",
            json!({"includeThoughts": false, "thinkingBudget": 128}),
            lost,
        ),
        (&none, "high", Value::Null, lost),
        (&none, "none", Value::Null, &[]),
    ] {
        let body = json!({"model": "m", "messages": [{"role": "user", "content": "x"}], "reasoning_effort": effort});
        let (written, found) = from_chat(traits, &body);
        assert_eq!(
            written["generationConfig"]["thinkingConfig"], config,
            "{effort} {traits:?}"
        );
        assert_eq!(found, lossy, "{effort} {traits:?}");
    }
}

#[test]
fn older_models_get_schemas_in_their_own_words() {
    let traits = ModelTraits {
        json_schema: false,
        ..ModelTraits::default()
    };
    let schema = json!({"type": "object", "properties": {"a": {"type": ["string", "null"]}}, "additionalProperties": false});
    let body = json!({"model": "m", "messages": [{"role": "user", "content": "x"}],
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": schema}},
        "tools": [{"type": "function", "function": {"name": "f", "parameters": schema}},
            {"type": "function", "function": {"name": "g", "parameters": {"type": "object", "properties": {}}}}]});
    let (written, lost) = from_chat(&traits, &body);
    let own = json!({"type": "OBJECT", "properties": {"a": {"type": "STRING", "nullable": true}}});
    assert_eq!(
        written["tools"],
        json!([{"functionDeclarations": [{"name": "f", "parameters": own}, {"name": "g"}]}])
    );
    assert_eq!(
        written["generationConfig"],
        json!({"responseMimeType": "application/json", "responseSchema": own})
    );
    assert_eq!(lost, [""; 0]);
    let apart = ModelTraits {
        tools_with_schema: false,
        ..ModelTraits::default()
    };
    let (written, lost) = from_chat(&apart, &body);
    assert_eq!(written.get("generationConfig"), None);
    assert_eq!(lost, ["response_format"]);
}

#[test]
fn both_spellings_are_read() {
    let body = br#"{"system_instruction":{"parts":{"text":"A"}},"contents":{"parts":[{"inline_data":{"mime_type":"image/png",
        "data":"iVBO"}},{"text":"hi"}]},"generation_config":{"max_output_tokens":5,"thinking_config":{"thinking_budget":-1},
        "speech_config":{"voice":1}},"tool_config":{"function_calling_config":{"mode":"AUTO"}}}"#;
    let (written, _) = translate(
        Dialect::Gemini,
        Dialect::Gemini,
        &ModelTraits::default(),
        body,
    )
    .unwrap();
    assert_eq!(
        written,
        json!({"systemInstruction": {"parts": [{"text": "A"}]},
            "contents": [{"role": "user", "parts": [{"inlineData": {"mimeType": "image/png", "data": "iVBO"}}, {"text": "hi"}]}],
            "generationConfig": {"maxOutputTokens": 5, "thinkingConfig": {"thinkingBudget": -1}, "speechConfig": {"voice": 1}},
            "toolConfig": {"functionCallingConfig": {"mode": "AUTO"}}})
    );
}

#[test]
fn places_of_citations_are_bytes_there_and_characters_here() {
    let body = json!({"candidates": [{"content": {"role": "model", "parts": [{"text": "Å is 4 °C."}]}, "finishReason": "STOP",
        "groundingMetadata": {"groundingChunks": [{"web": {"uri": "https://met.test/", "title": "Met"}}],
            "groundingSupports": [{"segment": {"startIndex": 6, "endIndex": 11, "text": "4 °C"}, "groundingChunkIndices": [0]}]}}]})
    .to_string();
    let expected = json!([{"type": "url_citation", "url_citation":
        {"start_index": 5, "end_index": 9, "title": "Met", "url": "https://met.test/"}}]);
    let answer = Dialect::Gemini
        .protocol()
        .read_answer(body.as_bytes())
        .unwrap();
    let openai = Dialect::OpenAiChat.protocol();
    let written = openai.write_answer(&answer, &CALLER);
    assert_eq!(
        json(&written)["choices"][0]["message"]["annotations"],
        expected
    );
    let sent = relay(
        Dialect::Gemini,
        Dialect::OpenAiChat,
        [format!("data: {body}\n\n").as_bytes()],
    )
    .sent;
    let told: Vec<Value> = frames(Dialect::OpenAiChat, sent.as_bytes())
        .iter()
        .filter_map(|(_, data)| serde_json::from_slice::<Value>(data).ok())
        .filter_map(|chunk| chunk["choices"][0]["delta"].get("annotations").cloned())
        .collect();
    // In a stream each has its place.
    let mut placed = expected.clone();
    placed[0]["index"] = 0.into();
    assert_eq!(told, [placed]);
    let back = openai.read_answer(&written).unwrap();
    let own = json(&Dialect::Gemini.protocol().write_answer(&back, &CALLER));
    let support = &own["candidates"][0]["groundingMetadata"]["groundingSupports"][0];
    assert_eq!(
        support["segment"],
        json!({"startIndex": 6, "endIndex": 11, "text": "4 °C"})
    );
}

#[test]
fn tokens_are_counted_of_both_forms() {
    let contents = r#"{"contents":[{"parts":[{"text":"hi"}]}]}"#;
    let whole = r#"{"generateContentRequest":{"model":"models/g","systemInstruction":{"parts":[{"text":"S"}]},"contents":[{"parts":[{"text":"hi"}]}]}}"#;
    for (body, messages) in [(contents, 1), (whole, 2)] {
        let address = Address {
            model: Some("g".into()),
            stream: false,
        };
        let request = count::read_request(Dialect::Gemini, body.as_bytes(), address).unwrap();
        assert_eq!(
            (request.messages.len(), request.model.as_ref()),
            (messages, "g")
        );
    }
    assert_eq!(
        count::write_answer(Dialect::Gemini, 31),
        br#"{"totalTokens":31}"#
    );
}

#[test]
fn without_sse_a_stream_is_one_array() {
    for path in ["gemini/stream.sse", "broken"] {
        let events = if path == "broken" {
            events(Dialect::Gemini, &[(None, b"no".to_vec())])
        } else {
            events(Dialect::Gemini, &frames(Dialect::Gemini, &data(path)))
        };
        let caller = Caller {
            array: true,
            ..CALLER
        };
        let mut writer = Dialect::Gemini.protocol().stream_writer(&caller);
        let mut out = Vec::new();
        for event in &events {
            writer.write(event, &mut out);
        }
        let list = json(&out);
        let last = list.as_array().unwrap().last().unwrap();
        assert_eq!(last.get("error").is_some(), path == "broken", "{list}");
    }
}

#[test]
fn faults_of_googles_are_read() {
    for path in ["gemini/error.429.json", "gemini/error.400.key.json"] {
        let recorded = json(&data(path));
        let body = recorded["body"].to_string();
        for body in [body.clone(), format!("[{body}]")] {
            let fault = Dialect::Gemini
                .protocol()
                .read_answer(body.as_bytes())
                .unwrap_err();
            assert_eq!(
                fault.message,
                recorded["body"]["error"]["message"].as_str().unwrap()
            );
            assert_eq!(
                fault.code.as_deref(),
                recorded["body"]["error"]["status"].as_str()
            );
        }
    }
}
