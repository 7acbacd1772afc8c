//! Laws of expressions, schemas and machines, for inputs that nobody would write: made from a seed, to be repeatable.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

use cojson::json::Json;
use engine::definition_error::Place;
use engine::expression::{Expression, Scope};
use engine::machine::{
    CallId, Event, Machine, MachineLibrary, PendingCall, Snapshot, Step, ToolCall, ToolFailure,
    ToolHost, ToolReply,
};
use engine::schema::{Pattern, PatternCompiler, Schema};

/// Enough of a random number generator: xorshift.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).unwrap() % bound
    }

    fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.below(choices.len())]
    }

    /// Some JSON made of these texts.
    fn json(&mut self, texts: &[&str], depth: usize) -> Json {
        match self.below(if depth == 0 { 5 } else { 8 }) {
            0 => Json::Null,
            1 => Json::Bool(self.below(2) == 0),
            2 => Json::from([0.0, 1.0, -1.5, 2.0][self.below(4)]),
            3 | 4 => Json::from(*self.pick(texts)),
            5 => (0..self.below(4))
                .map(|_| self.json(texts, depth - 1))
                .collect::<Vec<_>>()
                .into(),
            _ => Json::object(
                (0..self.below(4))
                    .map(|_| (*self.pick(texts), self.json(texts, depth - 1)))
                    .collect::<Vec<_>>(),
            ),
        }
    }
}

const WORDS: [&str; 7] = ["a", "b", "id", "items", "", "text", "0"];

const EXPRESSION_WORDS: [&str; 49] = [
    "$a",
    "$b.a",
    "$",
    "$$",
    "$$a",
    "$$b.0",
    "$$result",
    "$existing.a",
    "$a.$$id",
    "$items",
    "a",
    "b",
    "array",
    "items",
    "as",
    "return",
    "where",
    "condition",
    "then",
    "else",
    "$eq",
    "$ne",
    "$gt",
    "$not",
    "$and",
    "$or",
    "$trim",
    "$length",
    "$concat",
    "$join",
    "$map",
    "$find",
    "$if",
    "$literal",
    "on",
    "cases",
    "default",
    "$neq",
    "$gte",
    "$lt",
    "$lte",
    "$switch",
    "$includes",
    "$filter",
    "$toLowerCase",
    "$toUpperCase",
    "$formatDate",
    "$add",
    "$divide",
];

#[test]
fn no_expression_panics_and_evaluation_repeats() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut compiled = 0;
    for _ in 0..30_000 {
        let json = random.json(&EXPRESSION_WORDS, 4);
        let (context, item) = (random.json(&WORDS, 3), random.json(&WORDS, 3));
        let Ok(expression) = Expression::compile(&json, &Place::root("x")) else {
            continue;
        };
        compiled += 1;
        let scope = Scope::new(&context).with_item(&item);
        assert_eq!(
            expression.evaluate(&scope),
            expression.evaluate(&scope),
            "{json}"
        );
        if let Some(literal) = expression.as_literal() {
            assert_eq!(
                expression.evaluate(&scope).unwrap().as_ref(),
                Some(literal),
                "{json}"
            );
        }
    }
    assert!(compiled > 10_000, "{compiled}");
}

#[test]
fn a_context_key_that_an_expression_does_not_name_never_matters_to_it() {
    let mut random = Random(0xdead_beef_cafe_f00d);
    for _ in 0..30_000 {
        let json = random.json(&EXPRESSION_WORDS, 4);
        let Ok(expression) = Expression::compile(&json, &Place::root("x")) else {
            continue;
        };
        let Some(keys) = expression.dependencies().context_keys() else {
            continue;
        };
        let context = Json::object(WORDS.map(|word| (word, random.json(&WORDS, 2))));
        let kept = context
            .as_object()
            .unwrap()
            .iter()
            .filter(|(key, _)| keys.contains(*key));
        let reduced = Json::object(kept.map(|(key, value)| (key.clone(), value.clone())));
        let item = random.json(&WORDS, 2);
        let full = expression.evaluate(&Scope::new(&context).with_item(&item));
        let less = expression.evaluate(&Scope::new(&reduced).with_item(&item));
        assert_eq!(full, less, "{json} with {context} and {item}");
        let blind = !expression.dependencies().reads_item();
        assert!(
            !blind || full == expression.evaluate(&Scope::new(&context)),
            "{json}"
        );
    }
}

/// What a user typed, in the place of a literal: however it looks, it is what comes out.
#[test]
fn r9_no_text_from_a_user_changes_what_an_expression_does() {
    let mut random = Random(7);
    for _ in 0..10_000 {
        let typed = random.json(&EXPRESSION_WORDS, 3);
        let (context, item) = (Json::empty_object(), Json::object([("v", typed.clone())]));
        let scope = Scope::new(&context).with_item(&item);
        let evaluate = |text: &str| {
            let json = Json::parse(text).unwrap();
            let expression = Expression::compile(&json, &Place::root("x")).unwrap();
            expression.evaluate(&scope).unwrap().unwrap()
        };
        assert_eq!(evaluate(r#""$$v""#), typed);
        let expected = Json::object([("a", Json::from(vec![typed.clone()]))]);
        assert_eq!(evaluate(r#"{"a":["$$v"]}"#), expected);
        let mapped = evaluate(r#"{"$map":{"array":[1],"as":"x","return":"$$v"}}"#);
        assert_eq!(mapped, Json::from(vec![typed]));
    }
}

struct Patterns;

struct Finds(String);

impl PatternCompiler for Patterns {
    fn compile(&self, pattern: &str) -> Result<Box<dyn Pattern>, String> {
        Ok(Box::new(Finds(pattern.to_owned())))
    }
}

impl Pattern for Finds {
    fn is_match(&self, text: &str) -> bool {
        text.contains(&self.0)
    }
}

const SCHEMA_WORDS: [&str; 40] = [
    "$id",
    "$ref",
    "$anchor",
    "$dynamicRef",
    "$dynamicAnchor",
    "$defs",
    "#",
    "#/$defs/a",
    "#a",
    "x:/y",
    "allOf",
    "anyOf",
    "oneOf",
    "not",
    "if",
    "then",
    "else",
    "items",
    "prefixItems",
    "contains",
    "properties",
    "patternProperties",
    "additionalProperties",
    "propertyNames",
    "unevaluatedItems",
    "unevaluatedProperties",
    "dependentSchemas",
    "type",
    "enum",
    "const",
    "minimum",
    "multipleOf",
    "minLength",
    "uniqueItems",
    "required",
    "string",
    "object",
    "a",
    "b",
    "minContains",
];

#[test]
fn no_schema_panics_and_not_turns_every_verdict() {
    let mut random = Random(0x1234_5678_9abc_def1);
    let mut compiled = 0;
    for _ in 0..40_000 {
        let json = random.json(&SCHEMA_WORDS, 4);
        let Ok(schema) = Schema::compile(&json, &Patterns) else {
            continue;
        };
        compiled += 1;
        // The draft has no name for a schema that is moved into another, unless it refers to nothing.
        let is_movable = !json.to_string().contains(['#', '$']);
        let negated = Json::object([("not", json.clone())]);
        for _ in 0..3 {
            let value = random.json(&WORDS, 3);
            let told = schema.validate(&value);
            assert_eq!(told.is_ok(), schema.is_valid(&value), "{json} on {value}");
            assert_ne!(told, Err(Vec::new()), "{json} on {value}");
            if is_movable {
                let negated = Schema::compile(&negated, &Patterns).unwrap();
                assert_ne!(negated.is_valid(&value), told.is_ok(), "{json} on {value}");
            }
        }
    }
    assert!(compiled > 5_000, "{compiled}");
}

/// How many calls the test keeps an eye on.
const PENDING_MAX: usize = 10;

/// Tools that do whatever comes next: succeed, fail, or answer later.
struct Tools {
    random: Random,
    calls: u32,
}

impl ToolHost for Tools {
    fn now_ms(&self) -> f64 {
        0.0
    }

    fn call(&mut self, call: ToolCall<'_>) -> ToolReply {
        self.calls += 1;
        match self.random.below(3) {
            0 => ToolReply::Done(Ok(call.payload.clone())),
            1 => ToolReply::Done(Err(ToolFailure::new("random", "failed"))),
            _ => ToolReply::Pending(CallId::new(self.calls.to_string())),
        }
    }
}

fn machine(random: &mut Random) -> Machine {
    let actions = [
        r#"{"tool":"@t","payload":{"v":"$$v"},"onSuccess":{"updateContext":{"r":"$$result"}}}"#,
        r#"{"updateContext":{"n":{"$concat":[1,"$$v"]}}}"#,
        r#"{"updateContext":"$$"}"#,
        r#"{"updateContext":"$$v"}"#,
        r#""setLoading""#,
    ];
    let mut list = || {
        let count = random.below(3);
        let chosen: Vec<&str> = (0..count).map(|_| *random.pick(&actions)).collect();
        format!("[{}]", chosen.join(","))
    };
    let mut state = |name: &str, go: &str, raised: &str| {
        format!(
            r#""{name}":{{"entry":{},"exit":{},"on":{{"GO":{{"target":"{go}","actions":{}}}{raised}}}}}"#,
            list(),
            list(),
            list()
        )
    };
    let raised = r#","SUCCESS":"done","ERROR":{"target":"done","actions":"resetError"}"#;
    let all = [
        state("idle", "busy", raised),
        state("busy", "idle", raised),
        // Takes nothing that it raises, so that a step ends.
        state("done", "idle", ""),
    ];
    let definition = format!(r#"{{"initial":"idle","states":{{{}}}}}"#, all.join(","));
    let library = MachineLibrary {
        patterns: &Patterns,
        tools: &["@t"],
        allows_unknown_tools: false,
        actors: &[],
        message_types: Some(&["GO"]),
        reserved_keys: &["_currentState"],
    };
    Machine::compile(
        &Json::parse(&definition).unwrap(),
        &library,
        &Place::root("state"),
    )
    .unwrap()
}

/// What must hold after every step, whatever it was.
fn check(before: &Snapshot, step: &Step) {
    assert!(["idle", "busy", "done"].contains(&step.snapshot.state.as_str().unwrap()));
    assert!(step.snapshot.context.as_object().is_some());
    assert!(step.snapshot.context.get("_currentState").is_none());
    assert!(step.transitions > 0 || before.state == step.snapshot.state);
}

#[test]
fn r1_r3_a_machine_stays_in_its_definition_and_goes_on_from_what_was_stored() {
    let mut seeds = Random(0xabcd_ef01_2345_6789);
    for seed in 1..100 {
        let machine = machine(&mut seeds);
        let mut tools = Tools {
            random: Random(seed),
            calls: 0,
        };
        let mut random = Random(seed << 20 | 1);
        let step = machine.start(Json::empty_object(), &mut tools);
        let (mut snapshot, mut pending) = (step.snapshot, step.pending);
        for _ in 0..60 {
            let before = snapshot.clone();
            let step = if pending.is_empty() || random.below(2) == 0 {
                let event = Event::new("GO", Json::object([("v", random.json(&WORDS, 2))]));
                machine.step(&snapshot, &event, &mut tools)
            } else {
                let call = pending.swap_remove(random.below(pending.len()));
                let outcome = match random.below(2) {
                    0 => Ok(Json::from("later")),
                    _ => Err(ToolFailure::interrupted(&call.tool)),
                };
                machine.tool_finished(&snapshot, &call, outcome, &mut tools)
            };
            check(&before, &step);
            pending.extend(step.pending);
            // The others never answer.
            pending.truncate(PENDING_MAX);
            snapshot = step.snapshot;
            (snapshot, pending) = reload(&machine, &snapshot, &pending);
        }
    }
}

/// Through what is stored and back: the same place, the same calls, and the same calls awaited.
fn reload(
    machine: &Machine,
    snapshot: &Snapshot,
    pending: &[PendingCall],
) -> (Snapshot, Vec<PendingCall>) {
    let records: Vec<String> = pending
        .iter()
        .map(|call| call.to_json(snapshot).to_string())
        .collect();
    let restored = machine
        .restore(&snapshot.state, &snapshot.history, snapshot.context.clone())
        .into_snapshot();
    assert_eq!(
        (&restored.state, &restored.context),
        (&snapshot.state, &snapshot.context)
    );
    let again: Vec<PendingCall> = records
        .iter()
        .map(|record| PendingCall::from_json(&Json::parse(record).unwrap(), &restored).unwrap())
        .collect();
    for (call, again) in pending.iter().zip(&again) {
        assert_eq!(
            (&call.id, &call.event, &call.payload),
            (&again.id, &again.event, &again.payload)
        );
        assert_eq!(snapshot.awaits(call), restored.awaits(again));
    }
    (restored, again)
}
