//! Expressions to text.

use super::token::escape;
use crate::*;
use base::Oid;
use datum::{OwnedDatum, Repr, TypeLayout};
use std::fmt::{Display, Write};

#[derive(Default)]
pub(super) struct Writer {
    pub text: String,
}

impl Writer {
    pub(super) fn open(&mut self, name: &str) -> &mut Writer {
        self.text.push('{');
        self.text.push_str(name);
        self
    }

    pub(super) fn close(&mut self) {
        self.text.push('}');
    }

    pub(super) fn name(&mut self, field: &str) -> &mut Writer {
        self.text.push_str(" :");
        self.text.push_str(field);
        self.text.push(' ');
        self
    }

    /// A number or a boolean.
    pub(super) fn plain(&mut self, field: &str, value: impl Display) -> &mut Writer {
        self.name(field);
        let written = write!(self.text, "{value}");
        debug_assert!(written.is_ok());
        self
    }

    pub(super) fn location(&mut self) -> &mut Writer {
        self.plain("location", -1)
    }

    pub(super) fn string(&mut self, field: &str, value: Option<&str>) -> &mut Writer {
        self.name(field);
        match value {
            None => self.text.push_str("<>"),
            Some(value) => escape(value, &mut self.text),
        }
        self
    }

    pub(super) fn char(&mut self, field: &str, value: u8) -> &mut Writer {
        self.name(field);
        if value == 0 {
            self.text.push_str("<>")
        } else {
            escape(&char::from(value).to_string(), &mut self.text)
        }
        self
    }

    pub(super) fn list<T>(&mut self, items: &[T], mut each: impl FnMut(&mut Writer, &T)) {
        if items.is_empty() {
            self.text.push_str("<>");
            return;
        }
        self.text.push('(');
        for (i, item) in items.iter().enumerate() {
            if i > 0 {
                self.text.push(' ');
            }
            each(self, item);
        }
        self.text.push(')');
    }

    pub(super) fn nodes<T>(
        &mut self,
        field: &str,
        items: &[T],
        each: impl FnMut(&mut Writer, &T),
    ) -> &mut Writer {
        self.name(field);
        self.list(items, each);
        self
    }

    /// A list of numbers, marked by its kind: o, i or b. Bitmap sets show even when empty.
    pub(super) fn numbers<T: Display>(
        &mut self,
        field: &str,
        kind: char,
        items: impl IntoIterator<Item = T>,
    ) -> &mut Writer {
        self.name(field);
        let mut items = items.into_iter().peekable();
        if items.peek().is_none() && kind != 'b' {
            self.text.push_str("<>");
            return self;
        }
        self.text.push('(');
        self.text.push(kind);
        for item in items {
            let written = write!(self.text, " {item}");
            debug_assert!(written.is_ok());
        }
        self.text.push(')');
        self
    }

    pub(super) fn oids(&mut self, field: &str, oids: &[Oid]) -> &mut Writer {
        self.numbers(field, 'o', oids.iter())
    }

    pub(super) fn strings(&mut self, field: &str, strings: &[String]) -> &mut Writer {
        self.nodes(field, strings, |w, s| {
            w.text.push('"');
            // Within quotes nothing looks like a number, but an empty string stays empty.
            if !s.is_empty() {
                escape(s, &mut w.text);
            }
            w.text.push('"');
        })
    }

    pub(super) fn node(&mut self, field: &str, expr: Option<&Expr>) -> &mut Writer {
        self.name(field);
        match expr {
            None => self.text.push_str("<>"),
            Some(expr) => self.expr(expr),
        }
        self
    }

    pub(super) fn exprs(&mut self, field: &str, exprs: &[Expr]) -> &mut Writer {
        self.nodes(field, exprs, |w, e| w.expr(e))
    }

    pub(super) fn targets(&mut self, field: &str, targets: &[TargetEntry]) -> &mut Writer {
        self.nodes(field, targets, |w, t| w.target(t))
    }

    pub(super) fn target(&mut self, t: &TargetEntry) {
        let (table, column) = t.origin.unwrap_or_default();
        self.open("TARGETENTRY")
            .node("expr", Some(&t.expr))
            .plain("resno", t.number)
            .string("resname", t.name.as_deref())
            .plain("ressortgroupref", t.sort_group_ref)
            .plain("resorigtbl", table)
            .plain("resorigcol", column)
            .plain("resjunk", t.junk)
            .close();
    }

    pub(super) fn sort_groups(&mut self, field: &str, clauses: &[SortGroupClause]) -> &mut Writer {
        self.nodes(field, clauses, |w, c| {
            w.open("SORTGROUPCLAUSE")
                .plain("tleSortGroupRef", c.target)
                .plain("eqop", c.equality_operator)
                .plain("sortop", c.sort_operator)
                .plain("reverse_sort", c.reverse_sort)
                .plain("nulls_first", c.nulls_first)
                .plain("hashable", c.hashable)
                .close();
        })
    }

    pub(super) fn expr(&mut self, expr: &Expr) {
        match expr {
            Expr::Var(v) => self.var(v),
            Expr::Const(c) => self.constant(c),
            Expr::Param(p) => {
                let kind = match p.kind {
                    ParamKind::External => 0,
                    ParamKind::Exec => 1,
                    ParamKind::SubLink => 2,
                    ParamKind::MultiExpr => 3,
                };
                self.open("PARAM")
                    .plain("paramkind", kind)
                    .plain("paramid", p.id)
                    .plain("paramtype", p.type_oid)
                    .plain("paramtypmod", p.typmod)
                    .plain("paramcollid", p.collation)
                    .location()
                    .close();
            }
            Expr::Aggref(a) => self.aggref(a),
            Expr::Grouping { args, refs, columns, levels_up, .. } => self
                .open("GROUPINGFUNC")
                .exprs("args", args)
                .numbers("refs", 'i', refs)
                .numbers("cols", 'i', columns)
                .plain("agglevelsup", levels_up)
                .location()
                .close(),
            Expr::WindowFunc(f) => self
                .open("WINDOWFUNC")
                .plain("winfnoid", f.function)
                .plain("wintype", f.result_type)
                .plain("wincollid", f.collation)
                .plain("inputcollid", f.input_collation)
                .exprs("args", &f.args)
                .node("aggfilter", f.filter.as_deref())
                .plain("runCondition", "<>")
                .plain("winref", f.window)
                .plain("winstar", f.star)
                .plain("winagg", f.aggregate)
                .location()
                .close(),
            Expr::Subscript(s) => self.subscript(s),
            Expr::Func(f) => self
                .open("FUNCEXPR")
                .plain("funcid", f.function)
                .plain("funcresulttype", f.result_type)
                .plain("funcretset", f.returns_set)
                .plain("funcvariadic", f.variadic)
                .plain("funcformat", form(f.form))
                .plain("funccollid", f.collation)
                .plain("inputcollid", f.input_collation)
                .exprs("args", &f.args)
                .location()
                .close(),
            Expr::NamedArg { arg, name, number, .. } => self
                .open("NAMEDARGEXPR")
                .node("arg", Some(arg))
                .string("name", Some(name))
                .plain("argnumber", number)
                .location()
                .close(),
            Expr::Op(op) => self.operator("OPEXPR", op),
            Expr::Distinct(op) => self.operator("DISTINCTEXPR", op),
            Expr::NullIf(op) => self.operator("NULLIFEXPR", op),
            Expr::ScalarArrayOp(op) => self
                .open("SCALARARRAYOPEXPR")
                .plain("opno", op.operator)
                .plain("opfuncid", op.function)
                .plain("hashfuncid", 0)
                .plain("negfuncid", 0)
                .plain("useOr", op.use_or)
                .plain("inputcollid", op.input_collation)
                .exprs("args", &*op.args)
                .location()
                .close(),
            Expr::Bool { op, args, .. } => {
                let op = match op {
                    BoolOp::And => "and",
                    BoolOp::Or => "or",
                    BoolOp::Not => "not",
                };
                self.open("BOOLEXPR").plain("boolop", op).exprs("args", args).location().close();
            }
            Expr::SubLink(link) => self.sublink(link),
            other => self.cast_or_construct(other),
        }
    }

    fn cast_or_construct(&mut self, expr: &Expr) {
        match expr {
            Expr::FieldSelect { arg, field, result_type, typmod, collation } => self
                .open("FIELDSELECT")
                .node("arg", Some(arg))
                .plain("fieldnum", field)
                .plain("resulttype", result_type)
                .plain("resulttypmod", typmod)
                .plain("resultcollid", collation)
                .close(),
            Expr::FieldStore { arg, values, fields, result_type } => self
                .open("FIELDSTORE")
                .node("arg", Some(arg))
                .exprs("newvals", values)
                .numbers("fieldnums", 'i', fields)
                .plain("resulttype", result_type)
                .close(),
            Expr::Relabel { arg, result_type, typmod, collation, form: f, .. } => self
                .open("RELABELTYPE")
                .node("arg", Some(arg))
                .plain("resulttype", result_type)
                .plain("resulttypmod", typmod)
                .plain("resultcollid", collation)
                .plain("relabelformat", form(*f))
                .location()
                .close(),
            Expr::CoerceViaIo { arg, result_type, collation, form: f, .. } => self
                .open("COERCEVIAIO")
                .node("arg", Some(arg))
                .plain("resulttype", result_type)
                .plain("resultcollid", collation)
                .plain("coerceformat", form(*f))
                .location()
                .close(),
            Expr::ArrayCoerce { arg, element, result_type, typmod, collation, form: f, .. } => self
                .open("ARRAYCOERCEEXPR")
                .node("arg", Some(arg))
                .node("elemexpr", Some(element))
                .plain("resulttype", result_type)
                .plain("resulttypmod", typmod)
                .plain("resultcollid", collation)
                .plain("coerceformat", form(*f))
                .location()
                .close(),
            Expr::ConvertRowtype { arg, result_type, form: f, .. } => self
                .open("CONVERTROWTYPEEXPR")
                .node("arg", Some(arg))
                .plain("resulttype", result_type)
                .plain("convertformat", form(*f))
                .location()
                .close(),
            Expr::Collate { arg, collation, .. } => {
                self.open("COLLATE").node("arg", Some(arg)).plain("collOid", collation).location().close();
            }
            Expr::Case { result_type, collation, arg, whens, default, .. } => self
                .open("CASE")
                .plain("casetype", result_type)
                .plain("casecollid", collation)
                .node("arg", arg.as_deref())
                .nodes("args", whens, |w, when| {
                    w.open("WHEN")
                        .node("expr", Some(&when.condition))
                        .node("result", Some(&when.result))
                        .location()
                        .close();
                })
                .node("defresult", default.as_deref())
                .location()
                .close(),
            Expr::CaseTest { type_oid, typmod, collation } => self
                .open("CASETESTEXPR")
                .plain("typeId", type_oid)
                .plain("typeMod", typmod)
                .plain("collation", collation)
                .close(),
            Expr::Array { array_type, collation, element_type, elements, multidimensional, .. } => self
                .open("ARRAYEXPR")
                .plain("array_typeid", array_type)
                .plain("array_collid", collation)
                .plain("element_typeid", element_type)
                .exprs("elements", elements)
                .plain("multidims", multidimensional)
                .plain("list_start", -1)
                .plain("list_end", -1)
                .location()
                .close(),
            Expr::Row { args, row_type, form: f, column_names, .. } => self
                .open("ROWEXPR")
                .exprs("args", args)
                .plain("row_typeid", row_type)
                .plain("row_format", form(*f))
                .strings("colnames", column_names)
                .location()
                .close(),
            other => self.remaining(other),
        }
    }

    fn remaining(&mut self, expr: &Expr) {
        match expr {
            Expr::RowCompare { op, operators, families, input_collations, left, right } => {
                let kind = match op {
                    RowCompareOp::Less => 1,
                    RowCompareOp::LessEqual => 2,
                    RowCompareOp::GreaterEqual => 4,
                    RowCompareOp::Greater => 5,
                };
                self.open("ROWCOMPAREEXPR")
                    .plain("cmptype", kind)
                    .oids("opnos", operators)
                    .oids("opfamilies", families)
                    .oids("inputcollids", input_collations)
                    .exprs("largs", left)
                    .exprs("rargs", right)
                    .close();
            }
            Expr::Coalesce { result_type, collation, args, .. } => self
                .open("COALESCE")
                .plain("coalescetype", result_type)
                .plain("coalescecollid", collation)
                .exprs("args", args)
                .location()
                .close(),
            Expr::MinMax { greatest, result_type, collation, input_collation, args, .. } => self
                .open("MINMAX")
                .plain("minmaxtype", result_type)
                .plain("minmaxcollid", collation)
                .plain("inputcollid", input_collation)
                .plain("op", u8::from(!greatest))
                .exprs("args", args)
                .location()
                .close(),
            Expr::SqlValue { function, type_oid, typmod, .. } => self
                .open("SQLVALUEFUNCTION")
                .plain("op", sql_value_code(*function, *typmod))
                .plain("type", type_oid)
                .plain("typmod", typmod)
                .location()
                .close(),
            Expr::NullTest { arg, is_null, row_argument, .. } => self
                .open("NULLTEST")
                .node("arg", Some(arg))
                .plain("nulltesttype", u8::from(!is_null))
                .plain("argisrow", row_argument)
                .location()
                .close(),
            Expr::BooleanTest { arg, test, .. } => {
                self.open("BOOLEANTEST")
                    .node("arg", Some(arg))
                    .plain("booltesttype", *test as u8)
                    .location()
                    .close();
            }
            Expr::CoerceToDomain { arg, result_type, typmod, collation, form: f, .. } => self
                .open("COERCETODOMAIN")
                .node("arg", Some(arg))
                .plain("resulttype", result_type)
                .plain("resulttypmod", typmod)
                .plain("resultcollid", collation)
                .plain("coercionformat", form(*f))
                .location()
                .close(),
            Expr::CoerceToDomainValue { type_oid, typmod, collation, .. } => {
                self.placeholder("COERCETODOMAINVALUE", *type_oid, *typmod, *collation);
            }
            Expr::SetToDefault { type_oid, typmod, collation, .. } => {
                self.placeholder("SETTODEFAULT", *type_oid, *typmod, *collation);
            }
            Expr::CurrentOf { relation, cursor, param } => self
                .open("CURRENTOFEXPR")
                .plain("cvarno", relation)
                .string("cursor_name", cursor.as_deref())
                .plain("cursor_param", param)
                .close(),
            Expr::NextValue { sequence, type_oid } => {
                self.open("NEXTVALUEEXPR").plain("seqid", sequence).plain("typeId", type_oid).close();
            }
            Expr::MergeAction { .. } => {
                self.open("MERGESUPPORTFUNC").plain("msftype", 25).plain("msfcollid", 100).location().close();
            }
            Expr::Returning { levels_up, old, arg } => self
                .open("RETURNINGEXPR")
                .plain("retlevelsup", levels_up)
                .plain("retold", old)
                .node("retexpr", Some(arg))
                .close(),
            // Planned trees are not stored; what stands for the expression is.
            Expr::PlaceHolder(placeholder) => self.expr(&placeholder.expr),
            _ => self.text.push_str("<>"),
        }
    }

    fn placeholder(&mut self, name: &str, type_oid: Oid, typmod: i32, collation: Oid) {
        self.open(name)
            .plain("typeId", type_oid)
            .plain("typeMod", typmod)
            .plain("collation", collation)
            .location()
            .close();
    }

    fn var(&mut self, v: &Var) {
        let number = match v.source {
            VarSource::Relation(index) => index as i64,
            VarSource::Inner => -1,
            VarSource::Outer => -2,
            VarSource::Index => -3,
        };
        self.open("VAR")
            .plain("varno", number)
            .plain("varattno", v.attribute)
            .plain("vartype", v.type_oid)
            .plain("vartypmod", v.typmod)
            .plain("varcollid", v.collation)
            .numbers("varnullingrels", 'b', v.nulling.iter())
            .plain("varlevelsup", v.levels_up)
            .plain("varreturningtype", v.returning as u8)
            .plain("varnosyn", v.syntactic.0)
            .plain("varattnosyn", v.syntactic.1)
            .location()
            .close();
    }

    fn aggref(&mut self, a: &Aggref) {
        let number = |n: usize| if n == usize::MAX { -1 } else { n as i64 };
        self.open("AGGREF")
            .plain("aggfnoid", a.function)
            .plain("aggtype", a.result_type)
            .plain("aggcollid", a.collation)
            .plain("inputcollid", a.input_collation)
            .plain("aggtranstype", a.transition_type)
            .oids("aggargtypes", &a.argument_types)
            .exprs("aggdirectargs", &a.direct_args)
            .targets("args", &a.args)
            .sort_groups("aggorder", &a.order_by)
            .sort_groups("aggdistinct", &a.distinct)
            .node("aggfilter", a.filter.as_deref())
            .plain("aggstar", a.star)
            .plain("aggvariadic", a.variadic)
            .char("aggkind", a.kind)
            .plain("aggpresorted", false)
            .plain("agglevelsup", a.levels_up)
            .plain("aggsplit", 0)
            .plain("aggno", number(a.number))
            .plain("aggtransno", number(a.transition_number))
            .location()
            .close();
    }

    fn subscript(&mut self, s: &Subscript) {
        let optional = |w: &mut Writer, e: &Option<Expr>| match e {
            Some(e) => w.expr(e),
            None => w.text.push_str("<>"),
        };
        self.open("SUBSCRIPTINGREF")
            .plain("refcontainertype", s.container_type)
            .plain("refelemtype", s.element_type)
            .plain("refrestype", s.result_type)
            .plain("reftypmod", s.typmod)
            .plain("refcollid", s.collation)
            .nodes("refupperindexpr", &s.upper, optional)
            .nodes("reflowerindexpr", &s.lower, optional)
            .node("refexpr", Some(&s.container))
            .node("refassgnexpr", s.assign.as_deref())
            .close();
    }

    fn operator(&mut self, name: &str, op: &OpExpr) {
        self.open(name)
            .plain("opno", op.operator)
            .plain("opfuncid", op.function)
            .plain("opresulttype", op.result_type)
            .plain("opretset", op.returns_set)
            .plain("opcollid", op.collation)
            .plain("inputcollid", op.input_collation)
            .exprs("args", &op.args)
            .location()
            .close();
    }

    fn sublink(&mut self, link: &SubLink) {
        self.open("SUBLINK")
            .plain("subLinkType", link.kind as u8)
            .plain("subLinkId", link.id)
            .node("testexpr", link.test.as_deref())
            .strings("operName", &link.operator_name)
            .name("subselect")
            .query(&link.query);
        self.location().close();
    }

    fn constant(&mut self, c: &Const) {
        self.open("CONST")
            .plain("consttype", c.type_oid)
            .plain("consttypmod", c.typmod)
            .plain("constcollid", c.collation)
            .plain("constlen", c.layout.len)
            .plain("constbyval", c.layout.by_value)
            .plain("constisnull", c.value.is_none())
            .location()
            .name("constvalue");
        match &c.value {
            None => self.text.push_str("<>"),
            Some(value) => {
                let (length, bytes) = stored_bytes(value, c.layout, c.type_oid);
                let mut text = format!("{length} [ ");
                for byte in bytes {
                    let written = write!(text, "{} ", byte as i8);
                    debug_assert!(written.is_ok());
                }
                text.push(']');
                self.text.push_str(&text);
            }
        }
        self.close();
    }
}

fn form(form: CoercionForm) -> u8 {
    form as u8
}

fn sql_value_code(function: SqlValueFunction, typmod: i32) -> u8 {
    let precise = u8::from(typmod >= 0);
    match function {
        SqlValueFunction::CurrentDate => 0,
        SqlValueFunction::CurrentTime => 1 + precise,
        SqlValueFunction::CurrentTimestamp => 3 + precise,
        SqlValueFunction::LocalTime => 5 + precise,
        SqlValueFunction::LocalTimestamp => 7 + precise,
        SqlValueFunction::CurrentRole => 9,
        SqlValueFunction::CurrentUser => 10,
        SqlValueFunction::User => 11,
        SqlValueFunction::SessionUser => 12,
        SqlValueFunction::CurrentCatalog => 13,
        SqlValueFunction::CurrentSchema => 14,
    }
}

/// A datum as it lies in memory in PostgreSQL: by-value types in a word, varlenas with a four-byte header.
fn stored_bytes(value: &OwnedDatum, layout: TypeLayout, type_oid: Oid) -> (usize, Vec<u8>) {
    let signed = |v: i64| v.to_le_bytes().to_vec();
    let word = match value {
        OwnedDatum::Bool(v) => Some(signed(i64::from(*v))),
        OwnedDatum::Char(v) => Some(signed(i64::from(*v))),
        OwnedDatum::Int2(v) => Some(signed(i64::from(*v))),
        // Signed types extend their sign; object identifiers do not.
        OwnedDatum::Int4(v) if matches!(type_oid.0, 23 | 1082) => Some(signed(i64::from(*v))),
        OwnedDatum::Int4(v) => Some(signed(i64::from(*v as u32))),
        OwnedDatum::Int8(v) => Some(signed(*v)),
        OwnedDatum::Float4(v) => Some(signed(i64::from(v.to_bits() as i32))),
        OwnedDatum::Float8(v) => Some(v.to_bits().to_le_bytes().to_vec()),
        OwnedDatum::Bytes(_) => None,
    };
    if let Some(word) = word {
        return (layout.len.max(0) as usize, word);
    }
    let OwnedDatum::Bytes(payload) = value else { return (0, Vec::new()) };
    let bytes = match layout.len {
        -1 => {
            let total = payload.len() + 4;
            let mut bytes = ((total as u32) << 2).to_le_bytes().to_vec();
            bytes.extend_from_slice(payload);
            bytes
        }
        -2 => {
            let mut bytes = payload.to_vec();
            bytes.push(0);
            bytes
        }
        len => {
            let mut bytes = payload.to_vec();
            if layout.repr == Repr::Name {
                bytes.resize(len.max(0) as usize, 0);
            }
            bytes
        }
    };
    (bytes.len(), bytes)
}
