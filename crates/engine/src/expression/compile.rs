//! From a definition's JSON to nodes: every operator, path and name is checked here, once.

use std::sync::Arc;

use cojson::json::{Json, JsonObject};

use super::EXPRESSION_DEPTH_MAX;
use super::date;
use super::node::{Each, Member, Name, Node, Switch, Test, fold_array, fold_object};
use super::path::{self, Path};
use super::typed::{self, Operator, Typed};
use crate::definition_error::{DefinitionError, Place, one_of};

/// Every operator but the typed ones, in the order in which an error lists them.
const OPERATORS: [&str; 24] = [
    "$and",
    "$concat",
    "$context",
    "$eq",
    "$eventType",
    "$filter",
    "$find",
    "$gt",
    "$gte",
    "$if",
    "$item",
    "$join",
    "$length",
    "$literal",
    "$lt",
    "$lte",
    "$map",
    "$ne",
    "$neq",
    "$not",
    "$now",
    "$or",
    "$switch",
    "$trim",
];

fn operators() -> impl Iterator<Item = &'static str> {
    let typed = typed::OPERATORS.into_iter().map(|(name, _)| name);
    OPERATORS.into_iter().chain(typed)
}

/// Compiles the parts of one expression.
#[derive(Clone, Copy)]
pub(super) struct Compiler<'a> {
    pub(super) markers: &'a [&'a str],
    /// Whether it is evaluated as part of a step, which has a time and an event.
    pub(super) is_in_step: bool,
}

type Compiled = Result<Node, DefinitionError>;

impl Compiler<'_> {
    pub(super) fn node(self, json: &Json, place: &Place, depth: usize) -> Compiled {
        if depth > EXPRESSION_DEPTH_MAX {
            let expected = format!("expressions nested at most {EXPRESSION_DEPTH_MAX} deep");
            return Err(place.error_text(expected, "a deeper one"));
        }
        match json {
            Json::String(text) => self.text(text, place),
            Json::Array(items) => Ok(fold_array(self.nodes(items, place, depth)?)),
            Json::Object(members) => self.object(members, place, depth),
            scalar => Ok(Node::Literal(scalar.clone())),
        }
    }

    /// What an object of members becomes when undefined is to be null; anything else is compiled as ever.
    pub(super) fn record(self, json: &Json, place: &Place) -> Compiled {
        Ok(match self.node(json, place, 0)? {
            Node::Object(members) => Node::Record(members),
            other => other,
        })
    }

    fn text(self, text: &Arc<str>, place: &Place) -> Compiled {
        if self.markers.contains(&&**text) {
            return Ok(Node::Marker(text.clone()));
        }
        if !text.starts_with('$') {
            return Ok(Node::Literal(Json::String(text.clone())));
        }
        if let Some((map, key)) = text.split_once(".$$") {
            let map = Path::parse_shortcut(map, place)?;
            let key = Path::parse_item(key, place)?;
            return Ok(Node::Member(Box::new([Node::Path(map), Node::Path(key)])));
        }
        Ok(Node::Path(Path::parse_shortcut(text, place)?))
    }

    fn nodes(
        self,
        items: &[Json],
        place: &Place,
        depth: usize,
    ) -> Result<Box<[Node]>, DefinitionError> {
        items
            .iter()
            .enumerate()
            .map(|(index, item)| self.node(item, &place.index(index), depth + 1))
            .collect()
    }

    fn object(self, members: &JsonObject, place: &Place, depth: usize) -> Compiled {
        if let (1, Some((key, argument))) = (members.len(), members.first())
            && is_operator_position(key)
        {
            return self.operator(key, argument, &place.key(key), depth);
        }
        Ok(fold_object(self.members(members, place, depth)?))
    }

    fn members(
        self,
        members: &JsonObject,
        place: &Place,
        depth: usize,
    ) -> Result<Box<[Member]>, DefinitionError> {
        members
            .iter()
            .map(|(key, value)| self.member(key, value, &place.key(key), depth))
            .collect()
    }

    fn member(
        self,
        key: &Arc<str>,
        value: &Json,
        place: &Place,
        depth: usize,
    ) -> Result<Member, DefinitionError> {
        if path::is_forbidden(key) {
            return Err(path::forbidden(place, key));
        }
        if operators().any(|operator| operator == &**key) {
            return Err(place.error_text(
                "an operator to stand alone in its object",
                format!("\"{key}\" among other members"),
            ));
        }
        let name = if key.starts_with('$') {
            Name::Evaluated {
                name: self.text(key, place)?,
                place: place.path().into(),
            }
        } else {
            Name::Written(key.clone())
        };
        let value = self.node(value, place, depth + 1)?;
        Ok(Member { name, value })
    }

    fn operator(self, name: &str, argument: &Json, place: &Place, depth: usize) -> Compiled {
        Ok(match name {
            "$literal" => Node::Literal(argument.clone()),
            "$context" => Node::Path(Path::parse_context(path_text(argument, place)?, place)?),
            "$item" => Node::Path(Path::parse_item(path_text(argument, place)?, place)?),
            "$eq" => Test::Eq(self.pair(argument, place, depth)?).into(),
            "$ne" | "$neq" => Test::Ne(self.pair(argument, place, depth)?).into(),
            "$gt" => Test::Gt(self.pair(argument, place, depth)?).into(),
            "$gte" => Test::Gte(self.pair(argument, place, depth)?).into(),
            "$lt" => Test::Gt(Box::new(swapped(*self.pair(argument, place, depth)?))).into(),
            "$lte" => Test::Gte(Box::new(swapped(*self.pair(argument, place, depth)?))).into(),
            "$not" => Test::Not(self.single(argument, place, depth)?).into(),
            "$trim" => Node::Trim(self.single(argument, place, depth)?),
            "$length" => Node::Length(self.single(argument, place, depth)?),
            "$and" => Test::And(self.one_or_more(argument, place, depth)?).into(),
            "$or" => Test::Or(self.one_or_more(argument, place, depth)?).into(),
            "$concat" => Node::Concat(self.nodes(array_of(argument, place)?, place, depth)?),
            "$join" => Node::Join(self.join(argument, place, depth)?),
            "$map" => Node::Map(Box::new(self.map(argument, place, depth)?)),
            "$find" => Node::Find(Box::new(self.find(argument, place, depth)?)),
            "$filter" => Node::Filter(Box::new(self.find(argument, place, depth)?)),
            "$if" => Node::If(Box::new(self.branches(argument, place, depth)?)),
            "$switch" => Node::Switch(Box::new(self.switch(argument, place, depth)?)),
            "$now" | "$eventType" => self.of_step(name, argument, place)?,
            other => self.typed(other, argument, place, depth)?,
        })
    }

    fn of_step(self, name: &str, argument: &Json, place: &Place) -> Compiled {
        if !argument.is_null() {
            return Err(place.error("null", argument));
        }
        if !self.is_in_step {
            let expected = "an operator that needs no step: only what a machine does has a time and an event, as nothing \
                            else is evaluated again when these change";
            return Err(place.error_text(expected, format!("\"{name}\"")));
        }
        Ok(if name == "$now" {
            Node::Now
        } else {
            Node::EventType
        })
    }

    fn typed(self, name: &str, argument: &Json, place: &Place, depth: usize) -> Compiled {
        let known = typed::OPERATORS.into_iter().find(|(it, _)| *it == name);
        let Some((_, operator)) = known else {
            let expected = format!("one of the operators {}", one_of(operators()));
            return Err(place.error_text(expected, format!("\"{name}\"")));
        };
        let sides = match operator {
            Operator::ToLowerCase | Operator::ToUpperCase => {
                Box::new([self.node(argument, place, depth + 1)?, Node::Undefined])
            }
            Operator::FormatDate => self.time_and_pattern(argument, place, depth)?,
            _ => self.pair(argument, place, depth)?,
        };
        Ok(Node::Typed(Box::new(Typed {
            operator,
            sides,
            place: place.path().into(),
        })))
    }

    /// A time, or an array of one and the pattern it is written by, which is checked now.
    fn time_and_pattern(
        self,
        argument: &Json,
        place: &Place,
        depth: usize,
    ) -> Result<Box<[Node; 2]>, DefinitionError> {
        let (time, place_of_time, pattern) = match argument {
            Json::Array(parts) => match parts.as_slice() {
                [time, Json::String(pattern)] => (time, &place.index(0), pattern.clone()),
                _ => return Err(place.error("a time, or an array of one and a pattern", argument)),
            },
            time => (time, place, date::ISO_8601.into()),
        };
        if let Some(letter) = date::unknown_letter(&pattern) {
            let expected = "a pattern of YYYY, MM, DD, HH, mm, ss and SSS, the letters T and Z, and what is no letter";
            return Err(place.index(1).error_text(expected, format!("\"{letter}\"")));
        }
        Ok(Box::new([
            self.node(time, place_of_time, depth + 1)?,
            Node::Literal(Json::String(pattern)),
        ]))
    }

    fn single(
        self,
        argument: &Json,
        place: &Place,
        depth: usize,
    ) -> Result<Box<Node>, DefinitionError> {
        Ok(Box::new(self.node(argument, place, depth + 1)?))
    }

    fn pair(
        self,
        argument: &Json,
        place: &Place,
        depth: usize,
    ) -> Result<Box<[Node; 2]>, DefinitionError> {
        match argument.as_array() {
            Some([left, right]) => Ok(Box::new([
                self.node(left, &place.index(0), depth + 1)?,
                self.node(right, &place.index(1), depth + 1)?,
            ])),
            _ => Err(place.error("an array of two expressions", argument)),
        }
    }

    fn join(
        self,
        argument: &Json,
        place: &Place,
        depth: usize,
    ) -> Result<Box<[Node; 2]>, DefinitionError> {
        match argument.as_array() {
            Some([items]) => Ok(Box::new([
                self.node(items, &place.index(0), depth + 1)?,
                Node::Literal(Json::from(",")),
            ])),
            Some([_, _]) => self.pair(argument, place, depth),
            _ => Err(place.error(
                "an array: the items and, if not a comma, the separator",
                argument,
            )),
        }
    }

    fn one_or_more(
        self,
        argument: &Json,
        place: &Place,
        depth: usize,
    ) -> Result<Box<[Node]>, DefinitionError> {
        match argument {
            Json::Array(items) => self.nodes(items, place, depth),
            single => Ok([self.node(single, place, depth + 1)?].into()),
        }
    }

    fn branches(
        self,
        argument: &Json,
        place: &Place,
        depth: usize,
    ) -> Result<[Node; 3], DefinitionError> {
        let members = Members::new(argument, place, &["condition", "then", "else"])?;
        let branch = |name| match members.get(&[name]) {
            Some((value, place)) => self.node(value, &place, depth + 1),
            None => Ok(Node::Undefined),
        };
        let condition = members.required(&["condition"])?;
        Ok([
            self.node(condition.0, &condition.1, depth + 1)?,
            branch("then")?,
            branch("else")?,
        ])
    }

    fn switch(
        self,
        argument: &Json,
        place: &Place,
        depth: usize,
    ) -> Result<Switch, DefinitionError> {
        let members = Members::new(argument, place, &["on", "cases", "default"])?;
        let (on, place_of_on) = members.required(&["on"])?;
        let (cases, place_of_cases) = members.required(&["cases"])?;
        let cases = cases.as_object().ok_or_else(|| {
            place_of_cases.error("an object of expressions by the value they are for", cases)
        })?;
        let case = |(value, node): (&Arc<str>, &Json)| {
            let node = self.node(node, &place_of_cases.key(value), depth + 1)?;
            Ok((value.clone(), node))
        };
        Ok(Switch {
            on: self.node(on, &place_of_on, depth + 1)?,
            cases: cases.iter().map(case).collect::<Result<_, _>>()?,
            otherwise: match members.get(&["default"]) {
                Some((value, place)) => self.node(value, &place, depth + 1)?,
                None => Node::Undefined,
            },
        })
    }

    fn map(self, argument: &Json, place: &Place, depth: usize) -> Result<Each, DefinitionError> {
        let members = Members::new(argument, place, &["array", "items", "as", "return", "do"])?;
        members.required(&["return", "do"])?;
        self.each(&members, depth)
    }

    fn find(self, argument: &Json, place: &Place, depth: usize) -> Result<Each, DefinitionError> {
        let known = ["array", "items", "as", "where", "return"];
        let members = Members::new(argument, place, &known)?;
        members.required(&["where"])?;
        self.each(&members, depth)
    }

    fn each(self, members: &Members<'_>, depth: usize) -> Result<Each, DefinitionError> {
        let (array, array_place) = members.required(&["array", "items"])?;
        let part = |names: &[&str]| match members.get(names) {
            Some((value, place)) => self.node(value, &place, depth + 1).map(Some),
            None => Ok(None),
        };
        Ok(Each {
            array: self.node(array, &array_place, depth + 1)?,
            name: members.local_name()?,
            condition: part(&["where"])?,
            template: part(&["return", "do"])?,
            place: members.place.path().into(),
        })
    }
}

/// `a < b` is `b > a`.
fn swapped([left, right]: [Node; 2]) -> [Node; 2] {
    [right, left]
}

/// Whether a lone key is an operator, or means to be one: `$name`, but not `$$name` or `$a.b`, which name a member.
fn is_operator_position(key: &str) -> bool {
    key.starts_with('$') && !key.starts_with("$$") && !key.contains('.')
}

fn path_text<'a>(argument: &'a Json, place: &Place) -> Result<&'a str, DefinitionError> {
    argument
        .as_str()
        .ok_or_else(|| place.error("a path as text", argument))
}

fn array_of<'a>(argument: &'a Json, place: &Place) -> Result<&'a [Json], DefinitionError> {
    argument
        .as_array()
        .ok_or_else(|| place.error("an array of expressions", argument))
}

/// The named arguments of an operator.
struct Members<'a> {
    members: &'a JsonObject,
    place: &'a Place,
}

impl<'a> Members<'a> {
    fn new(argument: &'a Json, place: &'a Place, known: &[&str]) -> Result<Self, DefinitionError> {
        let expected = || format!("an object with {}", one_of(known.iter().copied()));
        let members = argument
            .as_object()
            .ok_or_else(|| place.error(expected(), argument))?;
        match members.keys().find(|key| !known.contains(&&***key)) {
            Some(unknown) => Err(place.error_text(expected(), format!("the member \"{unknown}\""))),
            None => Ok(Self { members, place }),
        }
    }

    /// The first member there is of these names, which mean the same.
    fn get(&self, names: &[&str]) -> Option<(&'a Json, Place)> {
        names
            .iter()
            .find_map(|name| Some((self.members.get(*name)?, self.place.key(name))))
    }

    fn required(&self, names: &[&str]) -> Result<(&'a Json, Place), DefinitionError> {
        self.get(names).ok_or_else(|| {
            let expected = format!("the member {}", one_of(names.iter().copied()));
            self.place.missing(expected)
        })
    }

    fn local_name(&self) -> Result<Option<Arc<str>>, DefinitionError> {
        match self.get(&["as"]) {
            None => Ok(None),
            Some((Json::String(name), _)) if !name.is_empty() && !name.contains(['.', '$']) => {
                Ok(Some(name.clone()))
            }
            Some((other, place)) => Err(place.error("a name without \".\" and \"$\"", other)),
        }
    }
}
