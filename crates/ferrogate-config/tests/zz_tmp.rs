use std::process::Command;
use ferrogate_config::format;
#[test]
fn fuzz() {
    let mut seed: u64 = std::env::var("SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(1);
    let mut next = move |n: usize| { seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407); ((seed >> 33) as usize) % n };
    let words = ["a","{path}","{$X}","\"b  {\"","d#e","\"\\\"\"","\\{","respond","é","\"\"","/*","->","@m","(s)","{a b}","\\\"x","\"m\n  n\"","x\"y"];
    let blanks = [" ","  ","\t"," \\\n ","\\\n"];
    let ends = ["\n","\n\n\n","  \n"," # a  { \" comment \n","\n# b }\n\n","\n","\n\n"];
    let dir = tempfile::tempdir().unwrap();
    let f = dir.path().join("Caddyfile");
    let mut bad = 0;
    for _ in 0..1500 {
        let mut t = String::new(); let mut depth = 0;
        for _ in 0..next(14) {
            match next(5) {
                0 => { t.push_str(words[next(words.len())]); t.push_str(" {"); t.push_str(ends[next(ends.len())]); depth += 1; }
                1 if depth > 0 => { t.push('}'); t.push_str(ends[next(ends.len())]); depth -= 1; }
                _ => { for _ in 0..1 + next(3) { t.push_str(words[next(words.len())]); t.push_str(blanks[next(blanks.len())]); } t.push_str(ends[next(ends.len())]); }
            }
        }
        for _ in 0..depth { t.push_str("}\n"); }
        std::fs::write(&f, &t).unwrap();
        let c = String::from_utf8(Command::new("caddy").arg("fmt").arg(&f).output().unwrap().stdout).unwrap();
        let o = format(&t);
        if c != o { bad += 1; if bad < 8 { println!("IN   {t:?}\nOURS {o:?}\nCADY {c:?}\n"); } }
    }
    assert_eq!(bad, 0);
}
