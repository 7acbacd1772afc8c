//! Prometheus' text format, read strictly: what a scraper would refuse or take for something else fails the test.

use std::collections::BTreeMap;

/// A sample's name and its labels, in order.
type Name = (String, Vec<(String, String)>);

/// All samples of one scrape.
#[derive(Debug)]
pub(crate) struct Scrape {
    samples: BTreeMap<Name, f64>,
    /// What each family is: a counter, a gauge, a histogram.
    kinds: BTreeMap<String, String>,
}

impl Scrape {
    /// Reads the body of an answer.
    #[track_caller]
    pub(crate) fn read(text: &str) -> Self {
        assert!(text.ends_with('\n'), "the last line is cut off: {text:?}");
        let mut scrape = Self {
            samples: BTreeMap::new(),
            kinds: BTreeMap::new(),
        };
        let mut family = String::new();
        for line in text.lines() {
            match line.strip_prefix("# ") {
                Some(comment) => scrape.comment(comment, &mut family),
                None => scrape.sample(line, &family),
            }
        }
        scrape.check_histograms();
        scrape
    }

    fn comment(&mut self, comment: &str, family: &mut String) {
        let (word, rest) = comment.split_once(' ').unwrap_or((comment, ""));
        match word {
            "EOF" => {}
            "HELP" => {
                let (name, help) = rest.split_once(' ').unwrap();
                assert!(!help.is_empty(), "{name} is not explained");
                name.clone_into(family);
            }
            "TYPE" => {
                let (name, kind) = rest.split_once(' ').unwrap();
                assert_eq!(name, family, "TYPE follows HELP of the same family");
                let before = self.kinds.insert(name.to_owned(), kind.to_owned());
                assert_eq!(before, None, "{name} has two types");
            }
            other => panic!("a comment that no scraper knows: {other}"),
        }
    }

    fn sample(&mut self, line: &str, family: &str) {
        let (name, value) = line.rsplit_once(' ').unwrap();
        let (name, labels) = match name.split_once('{') {
            Some((name, labels)) => (name, labels_of(labels.strip_suffix('}').unwrap())),
            None => (name, Vec::new()),
        };
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b':';
        assert!(name.bytes().all(is_name), "{name} is no name");
        let kind = self.kinds.get(family);
        let kind = kind.unwrap_or_else(|| panic!("{name} has no type"));
        let suffixes: &[&str] = match kind.as_str() {
            "counter" | "gauge" => &[""],
            "histogram" => &["_bucket", "_sum", "_count"],
            other => panic!("{name} is a {other}"),
        };
        let suffix = name.strip_prefix(family).unwrap_or("?");
        assert!(suffixes.contains(&suffix), "{name} is not of {family}");
        let value = value.parse().unwrap();
        let before = self.samples.insert((name.to_owned(), labels), value);
        assert_eq!(before, None, "{line} is there twice");
    }

    /// Buckets never fall, and the last one counts everything.
    fn check_histograms(&self) {
        let histograms = self.kinds.iter().filter(|(_, kind)| *kind == "histogram");
        for (name, _) in histograms {
            let bucket = format!("{name}_bucket");
            let buckets = self.samples.iter().filter(|((name, _), _)| *name == bucket);
            let mut buckets: Vec<(f64, f64)> = buckets
                .map(|((_, labels), count)| {
                    let [(label, bound)] = labels.as_slice() else {
                        panic!("{bucket} has {labels:?}");
                    };
                    assert_eq!(label, "le");
                    (bound.replace("+Inf", "inf").parse().unwrap(), *count)
                })
                .collect();
            buckets.sort_by(|left, right| left.0.total_cmp(&right.0));
            assert!(buckets.is_sorted_by(|left, right| left.0 < right.0 && left.1 <= right.1));
            let (bound, count) = *buckets.last().unwrap();
            assert!(bound.is_infinite(), "{name} has no last bucket");
            self.assert_is(&format!("{name}_count"), &[], count);
        }
    }

    /// The value of a sample with exactly these labels.
    #[track_caller]
    pub(crate) fn value(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let owned = labels
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let found = self.samples.get(&(name.to_owned(), owned.collect()));
        *found.unwrap_or_else(|| panic!("no {name} with {labels:?} in {:#?}", self.samples))
    }

    #[track_caller]
    pub(crate) fn assert_is(&self, name: &str, labels: &[(&str, &str)], expected: f64) {
        let found = self.value(name, labels);
        let is_same = (found - expected).abs() < 1e-9;
        assert!(is_same, "{name} {labels:?} is {found}, not {expected}");
    }

    /// The names of all families.
    pub(crate) fn families(&self) -> impl Iterator<Item = &str> {
        self.kinds.keys().map(String::as_str)
    }

    pub(crate) fn has_family(&self, name: &str) -> bool {
        self.kinds.contains_key(name)
    }

    /// Every text that stands in a label.
    pub(crate) fn label_values(&self) -> impl Iterator<Item = &str> {
        let labels = self.samples.keys().flat_map(|(_, labels)| labels);
        labels.map(|(_, value)| value.as_str())
    }
}

/// `a="b",c="d"`, where `\\`, `\"` and `\n` stand for what they say.
fn labels_of(text: &str) -> Vec<(String, String)> {
    let mut labels = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (name, after) = rest.split_once("=\"").unwrap();
        let mut value = String::new();
        let mut characters = after.char_indices();
        let end = loop {
            match characters.next().expect("a label that is closed") {
                (at, '"') => break at,
                (_, '\\') => value.push(match characters.next().unwrap().1 {
                    'n' => '\n',
                    other @ ('\\' | '"') => other,
                    other => panic!("\\{other} in a label"),
                }),
                (_, other) => value.push(other),
            }
        };
        labels.push((name.to_owned(), value));
        let after = &after[end + 1..];
        rest = after.strip_prefix(',').unwrap_or(after);
    }
    labels
}
