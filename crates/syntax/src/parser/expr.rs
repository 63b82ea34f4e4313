//! Expressions: operators by precedence climbing.
//!
//! The levels are those of the grammar's precedence table. `restricted` expressions (`b_expr`) leave out the operators
//! that would clash with what may follow a column default: AND, OR, NOT, LIKE, IN, BETWEEN, IS NULL, COLLATE, AT.

use super::primary::{Paren, call};
use super::*;

const OR: u8 = 1;
const AND: u8 = 2;
const NOT: u8 = 3;
const IS: u8 = 4;
const COMPARISON: u8 = 5;
const PATTERN: u8 = 6;
const OPERATOR: u8 = 9;
const ADDITION: u8 = 10;
const MULTIPLICATION: u8 = 11;
const POWER: u8 = 12;
const AT: u8 = 13;
const COLLATE: u8 = 14;
const SIGN: u8 = 15;
const CAST: u8 = 18;

impl Parser<'_> {
    /// `a_expr`
    pub fn expr(&mut self) -> Result<Expr> {
        self.operand(0, false)
    }

    /// `b_expr`
    pub(super) fn restricted_expr(&mut self) -> Result<Expr> {
        self.operand(0, true)
    }

    pub(super) fn exprs(&mut self) -> Result<Vec<Expr>> {
        self.list(Self::expr)
    }

    /// An expression of operators of at least this level.
    fn operand(&mut self, level: u8, restricted: bool) -> Result<Expr> {
        self.nested(|parser| {
            let left = parser.prefix(restricted)?;
            parser.infix(left, level, restricted)
        })
    }

    fn prefix(&mut self, restricted: bool) -> Result<Expr> {
        let location = self.location();
        match self.kind() {
            Kind::Keyword(K::Not) if !restricted => {
                self.advance();
                let arg = Box::new(self.operand(NOT, false)?);
                Ok(Expr::Not { arg, location })
            }
            Kind::Keyword(K::Default) if !restricted => {
                self.advance();
                Ok(Expr::Default { location })
            }
            Kind::Char(b'-') => {
                self.advance();
                match self.operand(SIGN, restricted)? {
                    Expr::Const { value: value @ (Literal::Integer(_) | Literal::Numeric(_)), .. } => {
                        Ok(Expr::Const { value: name::negate(value), location })
                    }
                    arg => Ok(unary("-", arg, location)),
                }
            }
            Kind::Char(b'+') => {
                self.advance();
                let arg = self.operand(SIGN, restricted)?;
                Ok(unary("+", arg, location))
            }
            Kind::Operator => self.prefix_operator(restricted, location),
            Kind::Keyword(K::Operator) if self.char_at(1, b'(') => self.prefix_operator(restricted, location),
            _ => self.primary(),
        }
    }

    fn prefix_operator(&mut self, restricted: bool, location: usize) -> Result<Expr> {
        let operator = self.qualified_operator()?;
        let arg = self.operand(ADDITION, restricted)?;
        Ok(Expr::Unary(Box::new(UnaryExpr { operator, arg, location })))
    }

    /// The level of the infix or postfix operator that stands here.
    fn infix_level(&self, restricted: bool) -> Option<u8> {
        Some(match self.kind() {
            Kind::Char(b'<' | b'>' | b'=') => COMPARISON,
            Kind::LessEquals | Kind::GreaterEquals | Kind::NotEquals => COMPARISON,
            Kind::Char(b'+' | b'-') => ADDITION,
            Kind::Char(b'*' | b'/' | b'%') => MULTIPLICATION,
            Kind::Char(b'^') => POWER,
            Kind::Operator => OPERATOR,
            Kind::TypeCast => CAST,
            Kind::Keyword(K::Operator) if self.char_at(1, b'(') => OPERATOR,
            Kind::Keyword(K::Is) if restricted => {
                let ahead = 1 + usize::from(self.at_next(1, K::Not));
                if !self.at_next(ahead, K::Distinct) && !self.at_next(ahead, K::Document) {
                    return None;
                }
                IS
            }
            Kind::Keyword(_) if restricted => return None,
            Kind::Keyword(K::And) => AND,
            Kind::Keyword(K::Or) => OR,
            Kind::Keyword(K::Is | K::Isnull | K::Notnull) => IS,
            Kind::Keyword(K::Between | K::In | K::Like | K::Ilike) => PATTERN,
            Kind::Keyword(K::Similar) if self.at_next(1, K::To) => PATTERN,
            Kind::Keyword(K::Not)
                if matches!(
                    self.kind_at(1),
                    Kind::Keyword(K::Between | K::In | K::Like | K::Ilike | K::Similar)
                ) =>
            {
                PATTERN
            }
            Kind::Keyword(K::At) if self.at_next(1, K::Time) || self.at_next(1, K::Local) => AT,
            Kind::Keyword(K::Collate) => COLLATE,
            _ => return None,
        })
    }

    /// Takes operators of at least `minimum` and their right operands.
    pub(super) fn infix(&mut self, mut left: Expr, minimum: u8, restricted: bool) -> Result<Expr> {
        // Level of the non-associative operator whose right operand was just taken.
        let mut closed = None;
        while let Some(level) = self.infix_level(restricted) {
            if level < minimum {
                break;
            }
            if closed == Some(level) {
                return Err(self.unexpected());
            }
            closed = None;
            let location = self.location();
            left = match level {
                AND | OR => self.logical(left, level, location)?,
                IS => {
                    let distinct = self.at(K::Is)
                        && (self.at_next(1, K::Distinct) || self.at_all(&[K::Is, K::Not, K::Distinct]));
                    closed = distinct.then_some(IS);
                    self.is_test(left, restricted, location)?
                }
                PATTERN => {
                    let list = self.at(K::In) || self.at_next(1, K::In);
                    closed = (!list).then_some(PATTERN);
                    self.pattern(left, location)?
                }
                AT => self.at_time_zone(left, location)?,
                COLLATE => {
                    self.advance();
                    let collation = self.object_name()?;
                    Expr::Collate(Box::new(Collate { arg: left, collation, location }))
                }
                CAST => {
                    self.advance();
                    let type_name = self.type_name()?;
                    Expr::TypeCast(Box::new(TypeCast { arg: left, type_name, location }))
                }
                _ => {
                    let operator = self.qualified_operator()?;
                    if !restricted && self.at_any(&[K::Any, K::Some, K::All]) {
                        self.quantified(left, operator, location)?
                    } else {
                        closed = (level == COMPARISON).then_some(COMPARISON);
                        let right = self.operand(level + 1, restricted)?;
                        Expr::Binary(Box::new(BinaryExpr { operator, left, right, location }))
                    }
                }
            };
            if level > AND {
                self.grow()?;
            }
        }
        Ok(left)
    }

    fn logical(&mut self, left: Expr, level: u8, location: usize) -> Result<Expr> {
        self.advance();
        let right = self.operand(level + 1, false)?;
        Ok(match (left, level) {
            (Expr::And { mut args, location }, AND) => {
                args.push(right);
                Expr::And { args, location }
            }
            (Expr::Or { mut args, location }, OR) => {
                args.push(right);
                Expr::Or { args, location }
            }
            (left, AND) => Expr::And { args: vec![left, right], location },
            (left, _) => Expr::Or { args: vec![left, right], location },
        })
    }

    fn at_time_zone(&mut self, left: Expr, location: usize) -> Result<Expr> {
        self.advance();
        if self.eat(K::Local) {
            return Ok(call("timezone", vec![left], location));
        }
        self.expect_all(&[K::Time, K::Zone])?;
        let zone = self.operand(AT + 1, false)?;
        Ok(call("timezone", vec![zone, left], location))
    }

    /// `ANY (...)`, `ALL (...)` after an operator.
    fn quantified(&mut self, arg: Expr, operator: OperatorName, location: usize) -> Result<Expr> {
        let all = self.expect_any(&[K::Any, K::Some, K::All])? == K::All;
        match self.paren()? {
            Paren::Query(query) => {
                let kind = match all {
                    true => SubqueryKind::All { arg, operator },
                    false => SubqueryKind::Any { arg, operator: Some(operator), negated: false },
                };
                Ok(Expr::Subquery(Box::new(Subquery { kind, query, location })))
            }
            Paren::List(mut list) => match (list.pop(), list.is_empty()) {
                (Some(array), true) => Ok(Expr::ArrayComparison(Box::new(ArrayComparison {
                    arg,
                    operator,
                    all,
                    array,
                    location,
                }))),
                _ => Err(self.unexpected()),
            },
        }
    }

    fn is_test(&mut self, arg: Expr, restricted: bool, location: usize) -> Result<Expr> {
        if !self.at(K::Is) {
            let negated = self.at(K::Notnull);
            self.advance();
            return Ok(Expr::IsNull { arg: Box::new(arg), negated, location });
        }
        self.advance();
        let negated = self.eat(K::Not);
        let test = |yes, no| if negated { no } else { yes };
        let boolean = |arg, test| Ok(Expr::BooleanTest { arg: Box::new(arg), test, location });
        let Some(keyword) = self.keyword() else { return Err(self.unexpected()) };
        self.advance();
        match keyword {
            K::Distinct => {
                self.expect(K::From)?;
                let right = self.operand(IS + 1, restricted)?;
                Ok(Expr::Distinct(Box::new(Distinct { left: arg, right, negated, location })))
            }
            K::Document => {
                Ok(negate_if(negated, Expr::Xml(Box::new(XmlExpr::IsDocument { arg, location })), location))
            }
            K::Null => Ok(Expr::IsNull { arg: Box::new(arg), negated, location }),
            K::True => boolean(arg, test(BooleanTest::True, BooleanTest::NotTrue)),
            K::False => boolean(arg, test(BooleanTest::False, BooleanTest::NotFalse)),
            K::Unknown => boolean(arg, test(BooleanTest::Unknown, BooleanTest::NotUnknown)),
            K::Normalized => Ok(negate_if(negated, call("is_normalized", vec![arg], location), location)),
            K::Nfc | K::Nfd | K::Nfkc | K::Nfkd => {
                self.position -= 1;
                let form = self.normal_form()?;
                self.expect(K::Normalized)?;
                Ok(negate_if(negated, call("is_normalized", vec![arg, form], location), location))
            }
            K::Json => {
                let item = match self.eat_any(&[K::Value, K::Array, K::Object, K::Scalar]) {
                    Some(K::Array) => JsonItemType::Array,
                    Some(K::Object) => JsonItemType::Object,
                    Some(K::Scalar) => JsonItemType::Scalar,
                    _ => JsonItemType::Any,
                };
                let unique_keys = self.unique_keys();
                let kind = JsonKind::Predicate { arg, item, unique_keys };
                Ok(negate_if(negated, Expr::Json(Box::new(JsonExpr { kind, location })), location))
            }
            _ => {
                self.position -= 1;
                Err(self.unexpected())
            }
        }
    }

    /// The operators of pattern level, possibly after NOT.
    fn pattern(&mut self, arg: Expr, location: usize) -> Result<Expr> {
        let negated = self.eat(K::Not);
        let kind = match self.expect_any(&[K::Between, K::In, K::Like, K::Ilike, K::Similar])? {
            K::Between => return self.between(arg, negated, location),
            K::In => return self.in_list(arg, negated, location),
            K::Like => LikeKind::Like,
            K::Ilike => LikeKind::ILike,
            _ => {
                self.expect(K::To)?;
                LikeKind::SimilarTo
            }
        };
        if kind != LikeKind::SimilarTo && self.at_any(&[K::Any, K::Some, K::All]) {
            let name = match (kind, negated) {
                (LikeKind::Like, false) => "~~",
                (LikeKind::Like, true) => "!~~",
                (_, false) => "~~*",
                (_, true) => "!~~*",
            };
            return self.quantified(arg, operator(name), location);
        }
        let pattern = self.operand(PATTERN + 1, false)?;
        let escape = if self.eat(K::Escape) { Some(self.operand(PATTERN + 1, false)?) } else { None };
        Ok(Expr::Like(Box::new(Like { kind, negated, arg, pattern, escape, location })))
    }

    fn between(&mut self, arg: Expr, negated: bool, location: usize) -> Result<Expr> {
        let symmetric = self.eat_any(&[K::Symmetric, K::Asymmetric]) == Some(K::Symmetric);
        let low = self.restricted_expr()?;
        self.expect(K::And)?;
        let high = self.operand(PATTERN + 1, false)?;
        Ok(Expr::Between(Box::new(Between { arg, low, high, negated, symmetric, location })))
    }

    fn in_list(&mut self, arg: Expr, negated: bool, location: usize) -> Result<Expr> {
        match self.paren()? {
            Paren::List(list) => Ok(Expr::In(Box::new(In { arg, list, negated, location }))),
            Paren::Query(query) => {
                let kind = SubqueryKind::Any { arg, operator: None, negated };
                Ok(Expr::Subquery(Box::new(Subquery { kind, query, location })))
            }
        }
    }
}

/// An unqualified operator.
pub(super) fn operator(name: &str) -> OperatorName {
    OperatorName { schema: Vec::new(), name: name.to_owned() }
}

fn unary(name: &str, arg: Expr, location: usize) -> Expr {
    Expr::Unary(Box::new(UnaryExpr { operator: operator(name), arg, location }))
}

fn negate_if(negated: bool, expr: Expr, location: usize) -> Expr {
    if negated { Expr::Not { arg: Box::new(expr), location } } else { expr }
}
