use super::*;
use crate::Level;
use crate::event::{Field, FlatFields};

/// 2023-11-05 09:08:07.0123 UTC.
const AT: Duration = Duration::new(1_699_175_287, 12_300_000);

/// Fields with objects in them.
#[derive(Debug)]
struct Nested;

impl Fields for Nested {
    fn visit(&self, sink: &mut dyn FieldSink) {
        sink.open("request");
        sink.field("ip", "10.1.2.3".into());
        sink.open("headers");
        sink.field("Cookie", Field::List(vec!["a=1".into(), "b\n".into()]));
        sink.field("X-Other", Field::List(vec!["x".into()]));
        sink.close();
        sink.close();
        sink.field("duration", Field::Duration(Duration::from_micros(1_500)));
        sink.field("size", Field::Unsigned(5));
    }
}

fn text(encoder: &Encoder, fields: Box<dyn Fields>) -> String {
    let event = Event {
        level: Level::Info,
        at: AT,
        message: "hello".into(),
        fields,
    };
    let mut out = Vec::new();
    encoder.encode(&event, "http.log", &mut out);
    String::from_utf8(out).unwrap()
}

fn check(shape: Shape, keys: EncoderKeys, layers: Vec<Layer>, expected: &str) {
    let encoder = Encoder::new(shape, keys, layers);
    assert_eq!(text(&encoder, Box::new(Nested)), expected);
}

fn filter(path: &[&str], filter: Filter) -> FieldFilter {
    FieldFilter {
        path: path.iter().map(|&name| name.to_owned()).collect(),
        filter,
    }
}

const REST: &str = r#""request":{"ip":"10.1.2.3","headers":{"Cookie":["a=1","b\n"],"X-Other":["x"]}},"duration":0.0015,"size":5}"#;

#[test]
fn json_and_console() {
    check(
        Shape::Json,
        EncoderKeys::default(),
        Vec::new(),
        &format!(
            "{{\"level\":\"info\",\"ts\":1699175287.012300,\"logger\":\"http.log\",\"msg\":\"hello\",{REST}\n"
        ),
    );
    let spaced = REST.replace("\":", "\": ").replace(",\"", ", \"");
    check(
        Shape::Console,
        EncoderKeys::default(),
        Vec::new(),
        &format!("2023/11/05 09:08:07.012\tINFO\thttp.log\thello\t{{{spaced}\n"),
    );
    let encoder = Encoder::new(Shape::Console, EncoderKeys::default(), Vec::new());
    assert_eq!(
        text(&encoder, Box::new(FlatFields::default())),
        "2023/11/05 09:08:07.012\tINFO\thttp.log\thello\n"
    );
}

#[test]
fn names_and_forms_are_chosen() {
    let some = |text: &str| Some(text.to_owned());
    check(
        Shape::Json,
        EncoderKeys {
            message_key: some("message"),
            level_key: some(""),
            time_key: some("time"),
            name_key: some(""),
            line_ending: some("|"),
            time_format: Some(TimeFormat::Layout("15:04".to_owned())),
            duration_format: Some(DurationFormat::Text),
            ..EncoderKeys::default()
        },
        vec![Layer::Filter(vec![filter(&["request"], Filter::Delete)])],
        r#"{"time":"09:08","message":"hello","duration":"1.5ms","size":5}|"#,
    );
    let times = [
        (TimeFormat::UnixSeconds, "1699175287.012300"),
        (TimeFormat::UnixMillis, "1699175287012.300000"),
        (TimeFormat::UnixNanos, "1699175287012300000"),
    ];
    for (format, expected) in times {
        let keys = EncoderKeys {
            time_format: Some(format),
            ..EncoderKeys::default()
        };
        assert_eq!(Times::new(Shape::Json, &keys).text(AT), expected);
    }
}

#[test]
fn layers_work_from_the_outside_in() {
    let hide = || Layer::Filter(vec![filter(&["size"], Filter::Replace("?".to_owned()))]);
    let add = || Layer::Append(vec![("size".to_owned(), FieldValue::Integer(1))]);
    let drop_request = || Layer::Filter(vec![filter(&["request"], Filter::Delete)]);
    let rest = |fields: &str| {
        format!(
            "{{\"level\":\"info\",\"ts\":1699175287.012300,\"logger\":\"http.log\",\"msg\":\"hello\",{fields}}}\n"
        )
    };
    // What the wrapped form adds is none of the filter's business; what is added outside of it is.
    check(
        Shape::Json,
        EncoderKeys::default(),
        vec![drop_request(), hide(), add()],
        &rest(r#""size":1,"duration":0.0015,"size":"?""#),
    );
    check(
        Shape::Json,
        EncoderKeys::default(),
        vec![drop_request(), add(), hide()],
        &rest(r#""size":"?","duration":0.0015,"size":"?""#),
    );
}

#[test]
fn filters_reach_into_objects() {
    let layers = vec![Layer::Filter(vec![
        filter(&["request", "headers", "cookie"], Filter::Delete),
        filter(&["request", "ip"], Filter::Rename("address".to_owned())),
        filter(
            &["request", "ip"],
            Filter::IpMask {
                ipv4: Some(8),
                ipv6: None,
            },
        ),
        filter(&["duration"], Filter::Delete),
    ])];
    let encoder = Encoder::new(Shape::Json, EncoderKeys::default(), layers);
    assert!(!encoder.drops(&["request", "headers"]));
    let line = text(&encoder, Box::new(Nested));
    assert!(
        line.ends_with(
            "\"request\":{\"address\":\"10.0.0.0\",\"headers\":{\"X-Other\":[\"x\"]}},\"size\":5}\n"
        ),
        "{line}"
    );
    let layers = vec![Layer::Filter(vec![filter(&["request"], Filter::Delete)])];
    assert!(
        Encoder::new(Shape::Json, EncoderKeys::default(), layers).drops(&["request", "headers"])
    );
}
