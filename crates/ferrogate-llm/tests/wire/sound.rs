//! Speech and recordings.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ferrogate_llm::sound::{self, Heard, HearingTask, NoSound, Recording, SpeechRequest, Spoken};
use ferrogate_llm::{
    Dialect, HearingDialect, Lossy, ModelTraits, SpeechDialect, TargetProfile, Untranslatable,
};
use serde_json::{Value, json};

use crate::support::{CALLER, json as parse, read, translate};

const SPEECH: &str = include_str!("../data/sound/gemini.speech.json");
const TRANSCRIPT: &str = include_str!("../data/sound/gemini.transcript.json");

type Written = Result<(Value, Vec<String>), Untranslatable>;

fn try_speech(dialect: SpeechDialect, body: &Value) -> Written {
    let body = body.to_string();
    let request = sound::read_speech(body.as_bytes()).unwrap();
    let mut lossy = Lossy::new(Dialect::OpenAiChat);
    let written = sound::write_speech(dialect, &request, "up", &mut lossy)?;
    Ok((parse(written), lossy.fields().map(str::to_owned).collect()))
}

/// What is sent of a request for speech, and what is lost of it.
fn check(dialect: SpeechDialect, body: &Value, expected: &Value, lost: &[&str]) {
    let (written, lossy) = try_speech(dialect, body).unwrap();
    assert_eq!(
        (&written, lossy),
        (expected, lost.iter().map(ToString::to_string).collect())
    );
}

#[test]
fn a_text_is_spoken_by_a_model_that_converses() {
    let recorded = parse(SPEECH)["request"].clone();
    let ask = json!({"model": "m", "input": "Have a wonderful day!", "voice": "Puck", "instructions": "Say cheerfully:", "response_format": "wav"});
    check(SpeechDialect::Gemini, &ask, &recorded, &[]);

    let usual =
        json!({"model": "m", "input": "hi", "voice": "alloy", "speed": 1.5, "x": 1, "y": null});
    let (written, lossy) = try_speech(SpeechDialect::Gemini, &usual).unwrap();
    assert_eq!(written["contents"][0]["parts"], json!([{"text": "hi"}]));
    assert_eq!(
        written["generationConfig"]["speechConfig"]["voiceConfig"]["prebuiltVoiceConfig"],
        json!({"voiceName": "Kore"})
    );
    assert_eq!(lossy, ["response_format", "voice", "speed", "x"]);
    let kept = json!({"model": "m", "input": "hi", "voice": {"id": "voice_1"}, "speed": 1, "response_format": "pcm"});
    assert_eq!(
        try_speech(SpeechDialect::Gemini, &kept).unwrap().1,
        ["voice"]
    );
}

#[test]
fn mistral_has_other_words_for_speech() {
    let ask = json!({"model": "m", "input": "hi", "voice": "paul", "instructions": "softly", "ref_audio": "QQ=="});
    check(
        SpeechDialect::Mistral,
        &ask,
        &json!({"model": "up", "input": "hi", "response_format": "mp3", "voice_id": "paul", "ref_audio": "QQ=="}),
        &["instructions"],
    );
    let own = json!({"model": "m", "input": "hi", "voice_id": "paul", "voice": "alloy", "response_format": "flac"});
    check(
        SpeechDialect::Mistral,
        &own,
        &json!({"model": "up", "input": "hi", "response_format": "flac", "voice_id": "paul"}),
        &[],
    );
}

#[test]
fn what_a_provider_cannot_speak_is_refused_by_name() {
    for (dialect, formats) in [
        (SpeechDialect::Gemini, &["mp3", "opus", "aac", "flac"][..]),
        (SpeechDialect::Mistral, &["aac", "pcm"]),
    ] {
        for format in formats {
            let ask = json!({"model": "m", "input": "hi", "voice": "x", "response_format": format});
            let refused = try_speech(dialect, &ask).unwrap_err();
            assert_eq!(refused.param, "response_format");
            assert!(
                refused.message.contains(&format!("`{format}`")),
                "{refused}"
            );
        }
        let ask = json!({"model": "m", "input": "hi", "voice": "x", "response_format": "wav", "stream": true});
        assert_eq!(try_speech(dialect, &ask).unwrap_err().param, "stream");
    }
}

#[test]
fn a_request_for_speech_that_is_none_is_refused() {
    for (body, message) in [
        (json!({"voice": "x"}), "`input` must be a string"),
        (
            json!({"input": "x", "voice": 7}),
            "`voice` must be a string or an object",
        ),
        (
            json!({"input": "x", "response_format": "ogg"}),
            "`response_format` must be one of mp3, opus, aac, flac, wav, pcm",
        ),
        (
            json!({"input": "x", "stream_format": "x"}),
            "`stream_format` must be one of audio, sse",
        ),
    ] {
        let refused = sound::read_speech(body.to_string().as_bytes()).unwrap_err();
        assert_eq!(refused.to_string(), message);
    }
}

fn asked(more: &Value) -> String {
    let mut body = json!({"model": "m", "input": "hi", "voice": "Kore"});
    for (name, value) in more.as_object().into_iter().flatten() {
        body[name] = value.clone();
    }
    body.to_string()
}

fn spoken(
    dialect: SpeechDialect,
    body: &str,
    request: &SpeechRequest<'_>,
) -> Result<Spoken, NoSound> {
    sound::read_spoken(dialect, body.as_bytes(), request)
}

#[test]
fn samples_are_given_bare_in_a_file_or_in_events() {
    let answer = parse(SPEECH)["response"].to_string();
    let pcm = [1_u8, 0, 255, 127, 0, 128];
    for (format, media_type, header) in [("pcm", "audio/pcm", 0), ("wav", "audio/wav", 44)] {
        let body = asked(&json!({"response_format": format}));
        let request = sound::read_speech(body.as_bytes()).unwrap();
        let sound = spoken(SpeechDialect::Gemini, &answer, &request).unwrap();
        let usage = sound.usage.unwrap();
        assert_eq!(
            (usage.input, usage.output, usage.audio_output),
            (11, 34, 34)
        );
        let (bytes, kind) = sound::write_spoken(sound, &request);
        assert_eq!((bytes.len(), kind), (pcm.len() + header, media_type));
        assert!(bytes.ends_with(&pcm));
        assert_eq!(bytes.starts_with(b"RIFF"), header > 0);
    }
    let body = asked(&json!({"response_format": "pcm", "stream_format": "sse"}));
    let request = sound::read_speech(body.as_bytes()).unwrap();
    let sound = spoken(SpeechDialect::Gemini, &answer, &request).unwrap();
    let (bytes, kind) = sound::write_spoken(sound, &request);
    assert_eq!(kind, "text/event-stream");
    let events: Vec<Value> = String::from_utf8(bytes)
        .unwrap()
        .split_terminator("\n\n")
        .map(|event| parse(event.strip_prefix("data: ").unwrap()))
        .collect();
    assert_eq!(
        events,
        [
            json!({"type": "speech.audio.delta", "audio": STANDARD.encode(pcm)}),
            json!({"type": "speech.audio.done", "usage": {"input_tokens": 11, "output_tokens": 34, "total_tokens": 45}}),
        ]
    );
}

#[test]
fn mistrals_sound_is_in_json() {
    let body = asked(&json!({}));
    let request = sound::read_speech(body.as_bytes()).unwrap();
    let answer = json!({"audio_data": STANDARD.encode(b"ID3")}).to_string();
    let sound = spoken(SpeechDialect::Mistral, &answer, &request).unwrap();
    assert_eq!(
        (sound.bytes.as_slice(), sound.media_type),
        (b"ID3".as_slice(), "audio/mpeg")
    );
    assert!(sound.usage.is_none());
    for nonsense in [
        "{}",
        r#"{"audio_data":"?"}"#,
        "",
        r#"{"error":"overloaded"}"#,
    ] {
        let nothing = spoken(SpeechDialect::Mistral, nonsense, &request).unwrap_err();
        assert!(matches!(nothing, NoSound::Broken(_)), "{nonsense}");
    }
}

fn candidate(parts: &Value, finish: &str) -> String {
    json!({"candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": finish}]})
        .to_string()
}

#[test]
fn silence_has_a_reason() {
    let body = asked(&json!({"response_format": "wav"}));
    let request = sound::read_speech(body.as_bytes()).unwrap();
    let data = |kind: &str, data: &str| json!([{"inlineData": {"mimeType": kind, "data": data}}]);
    let l16 = "audio/L16;rate=24000";
    for (answer, refused, message) in [
        (
            candidate(&json!([]), "OTHER"),
            true,
            "the model said nothing: OTHER",
        ),
        (
            candidate(&json!([]), "STOP"),
            false,
            "the model said nothing: STOP",
        ),
        (
            json!({"promptFeedback": {"blockReason": "SAFETY"}}).to_string(),
            true,
            "the model said nothing: SAFETY",
        ),
        (
            candidate(&data(l16, "?"), "STOP"),
            false,
            "the sound is no base64",
        ),
        (
            candidate(&data("audio/ogg", "QQ=="), "STOP"),
            false,
            "the sound is `audio/ogg`",
        ),
        (
            candidate(
                &json!([{"inlineData": {"mimeType": l16, "data": "QQ=="}}, {"inlineData": {"mimeType": "audio/L16;rate=1", "data": "QQ=="}}]),
                "STOP",
            ),
            false,
            "the sound changes its form",
        ),
    ] {
        let said = match spoken(SpeechDialect::Gemini, &answer, &request).unwrap_err() {
            NoSound::Refused(said) if refused => said,
            NoSound::Broken(said) if !refused => said,
            other => panic!("{answer}: {other:?}"),
        };
        assert_eq!(said.message, message);
        assert_eq!(said.code.is_some(), refused);
    }
}

const TYPE: &str = "multipart/form-data; boundary=b";

fn form(fields: &[(&str, &str)], file: (&str, &str)) -> String {
    let head = "--b\r\nContent-Disposition: form-data; name=";
    let mut body = String::new();
    for (name, value) in fields {
        write!(body, "{head}\"{name}\"\r\n\r\n{value}\r\n").unwrap();
    }
    let (name, kind) = file;
    write!(
        body,
        "{head}\"file\"; filename=\"{name}\"\r\nContent-Type: {kind}\r\n\r\nRIFF\r\n--b--\r\n"
    )
    .unwrap();
    body
}

fn recording(task: HearingTask, body: &str) -> Recording<'_> {
    sound::read_recording(task, TYPE, body.as_bytes()).unwrap()
}

fn try_recording(task: HearingTask, body: &str) -> Written {
    let mut lossy = Lossy::new(Dialect::OpenAiChat);
    let written =
        sound::write_recording(HearingDialect::Gemini, &recording(task, body), &mut lossy)?;
    Ok((parse(written), lossy.fields().map(str::to_owned).collect()))
}

#[test]
fn a_recording_is_written_down_by_a_model_that_converses() {
    let plain = form(&[("model", "m")], ("a.wav", "audio/x-wav"));
    let (written, lossy) = try_recording(HearingTask::Transcribe, &plain).unwrap();
    assert_eq!(
        (written, lossy),
        (parse(TRANSCRIPT)["request"].clone(), Vec::new())
    );

    let more = form(
        &[
            ("model", "m"),
            ("language", "no"),
            ("keywords[]", "Ferrogate"),
            ("keywords[]", "Pingora"),
            ("prompt", "In Oslo,"),
            ("temperature", "0.2"),
            ("response_format", "text"),
            ("timestamp_granularities[]", "word"),
            ("timestamp_granularities[]", "segment"),
            ("include[]", ""),
        ],
        ("a.mp3", "application/octet-stream"),
    );
    let (written, lossy) = try_recording(HearingTask::Translate, &more).unwrap();
    let parts = &written["contents"][0]["parts"];
    let text = parts[0]["text"].as_str().unwrap();
    assert!(text.starts_with("Write down in English"), "{text}");
    assert!(
        text.ends_with("\nSpoken in (ISO 639): no\nWords that may occur: Ferrogate, Pingora\nText that goes before it, or hints how to write it: In Oslo,"),
        "{text}"
    );
    assert_eq!(parts[1]["inlineData"]["mimeType"], "audio/mp3");
    assert_eq!(written["generationConfig"], json!({"temperature": 0.2}));
    assert_eq!(lossy, ["timestamp_granularities[]"]);
}

#[test]
fn what_a_model_cannot_write_down_is_refused_by_name() {
    for (fields, file, param) in [
        (
            &[("response_format", "verbose_json")][..],
            ("a.wav", "audio/wav"),
            "response_format",
        ),
        (
            &[("response_format", "srt")],
            ("a.wav", "audio/wav"),
            "response_format",
        ),
        (&[("stream", "true")], ("a.wav", "audio/wav"), "stream"),
        (&[], ("a", "application/octet-stream"), "file"),
    ] {
        let body = form(fields, file);
        let refused = try_recording(HearingTask::Transcribe, &body).unwrap_err();
        assert_eq!(refused.param, param);
    }
    for (kind, body, message) in [
        (
            "application/json",
            "{}".to_owned(),
            "the request body must be multipart/form-data",
        ),
        (
            TYPE,
            "--b\r\n--b--".to_owned(),
            "`file` must be a recording",
        ),
        (
            TYPE,
            form(&[("temperature", "warm")], ("a.wav", "audio/wav")),
            "`temperature` must be a number",
        ),
    ] {
        let refused = sound::read_recording(HearingTask::Transcribe, kind, body.as_bytes());
        assert_eq!(refused.unwrap_err().to_string(), message);
    }
}

fn heard(body: &str) -> Result<Heard, NoSound> {
    sound::read_heard(HearingDialect::Gemini, body.as_bytes())
}

#[test]
fn what_was_heard_is_json_or_bare() {
    let answer = parse(TRANSCRIPT)["response"].to_string();
    let said = heard(&answer).unwrap();
    let json = form(&[], ("a.wav", "audio/wav"));
    let (body, kind) = sound::write_heard(&said, &recording(HearingTask::Transcribe, &json));
    assert_eq!(
        (parse(body), kind),
        (
            json!({"text": "Oslo is the capital.", "usage": {"type": "tokens", "input_tokens": 130, "output_tokens": 6, "total_tokens": 136,
                "input_token_details": {"audio_tokens": 96, "text_tokens": 34}}}),
            "application/json"
        )
    );
    let text = form(&[("response_format", "text")], ("a.wav", "audio/wav"));
    let (body, kind) = sound::write_heard(&said, &recording(HearingTask::Transcribe, &text));
    assert_eq!(
        (body.as_slice(), kind),
        (
            b"Oslo is the capital.\n".as_slice(),
            "text/plain; charset=utf-8"
        )
    );

    // Where nothing is said nothing is heard.
    assert_eq!(heard(&candidate(&json!([]), "STOP")).unwrap().text, "");
    let refused = heard(&candidate(&json!([]), "SAFETY")).unwrap_err();
    assert!(matches!(refused, NoSound::Refused(_)));
    let cut = heard(&candidate(&json!([]), "MAX_TOKENS")).unwrap_err();
    assert!(matches!(cut, NoSound::Broken(_)));
    assert!(heard("{}").is_err());
}

#[test]
fn a_conversation_can_be_spoken() {
    let answer = parse(SPEECH)["response"].to_string();
    let pcm = [1_u8, 0, 255, 127, 0, 128];
    let traits = ModelTraits::default();
    let gemini = Dialect::Gemini.protocol();
    for (format, header) in [("pcm16", 0), ("wav", 44)] {
        let body = json!({"model": "m", "modalities": ["text", "audio"], "audio": {"voice": "Puck", "format": format},
            "messages": [{"role": "user", "content": "hi"}]})
        .to_string();
        let request = read(Dialect::OpenAiChat, body.as_bytes());
        let target = TargetProfile {
            model: "gemini-2.5-flash-preview-tts",
            traits: &traits,
            quirks: &[],
        };
        let mut lossy = Lossy::new(Dialect::OpenAiChat);
        let written = parse(gemini.write_request(&request, &target, &mut lossy).unwrap());
        assert_eq!(
            written["generationConfig"],
            parse(SPEECH)["request"]["generationConfig"]
        );
        assert!(lossy.is_empty());
        let mut said = gemini.read_answer(answer.as_bytes()).unwrap();
        gemini.emulation(&request, &target).undo(&mut said);
        let chat = parse(Dialect::OpenAiChat.protocol().write_answer(&said, &CALLER));
        let message = &chat["choices"][0]["message"];
        assert_eq!(message["content"], Value::Null);
        assert!(message.get("images").is_none());
        let bytes = STANDARD
            .decode(message["audio"]["data"].as_str().unwrap())
            .unwrap();
        assert_eq!(bytes.len(), pcm.len() + header);
        assert!(bytes.ends_with(&pcm));
        assert_eq!(
            chat["usage"]["completion_tokens_details"]["audio_tokens"],
            34
        );
    }
    // What no model of Google's gives is told as lost.
    for more in [
        json!({"audio": {"voice": "Puck", "format": "mp3"}}),
        json!({"audio": {"voice": "Puck", "format": "pcm16"}, "stream": true}),
    ] {
        let mut body = json!({"model": "m", "modalities": ["text", "audio"], "messages": [{"role": "user", "content": "hi"}]});
        body.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        let (written, mut lossy) = translate(
            Dialect::OpenAiChat,
            Dialect::Gemini,
            "m",
            &traits,
            body.to_string().as_bytes(),
        );
        lossy.sort();
        assert!(written.get("generationConfig").is_none(), "{written}");
        assert_eq!(lossy, ["audio", "modalities"]);
    }
    let usual = json!({"model": "m", "modalities": ["audio"], "audio": {"voice": "alloy", "format": "wav"}, "messages": [{"role": "user", "content": "hi"}]});
    let (_, lossy) = translate(
        Dialect::OpenAiChat,
        Dialect::Gemini,
        "m",
        &traits,
        usual.to_string().as_bytes(),
    );
    assert_eq!(lossy, ["audio.voice"]);
}
