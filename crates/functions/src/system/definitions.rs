//! Stored definitions as SQL: what the deparser above gives.

use crate::array::text_array;
use crate::call::Function;
use crate::hooks::deparser;
use crate::table::functions;
use base::Oid;

/// Their bits among the events.
const UPDATE_AND_DELETE: i32 = 1 << 2 | 1 << 4;

pub const FUNCTIONS: &[Function] = functions! {
    "pg_get_expr" [call] (tree: str, relation: Oid) -> Option<String> =
        deparser(call.session)?.expression(call.session, tree, relation, false);
    "pg_get_expr_ext" [call] (tree: str, relation: Oid, pretty: bool) -> Option<String> =
        deparser(call.session)?.expression(call.session, tree, relation, pretty);
    "pg_get_viewdef" [call] (view: Oid) -> Option<String> =
        deparser(call.session)?.view(call.session, view, false, None);
    "pg_get_viewdef_ext" [call] (view: Oid, pretty: bool) -> Option<String> =
        deparser(call.session)?.view(call.session, view, pretty, None);
    "pg_get_viewdef_wrap" [call] (view: Oid, wrap: i32) -> Option<String> =
        deparser(call.session)?.view(call.session, view, true, Some(wrap));
    "pg_get_viewdef_name" [call] (view: str) -> Option<String> =
        deparser(call.session)?.view(call.session, call.relation_named(view)?, false, None);
    "pg_get_viewdef_name_ext" [call] (view: str, pretty: bool) -> Option<String> =
        deparser(call.session)?.view(call.session, call.relation_named(view)?, pretty, None);
    "pg_get_ruledef" [call] (rule: Oid) -> Option<String> = deparser(call.session)?.rule(call.session, rule, false);
    "pg_get_ruledef_ext" [call] (rule: Oid, pretty: bool) -> Option<String> =
        deparser(call.session)?.rule(call.session, rule, pretty);
    "pg_get_indexdef" [call] (index: Oid) -> Option<String> =
        deparser(call.session)?.index(call.session, index, 0, false);
    "pg_get_indexdef_ext" [call] (index: Oid, column: i32, pretty: bool) -> Option<String> =
        deparser(call.session)?.index(call.session, index, column, pretty);
    "pg_get_constraintdef" [call] (constraint: Oid) -> Option<String> =
        deparser(call.session)?.constraint(call.session, constraint, false);
    "pg_get_constraintdef_ext" [call] (constraint: Oid, pretty: bool) -> Option<String> =
        deparser(call.session)?.constraint(call.session, constraint, pretty);
    "pg_get_triggerdef" [call] (trigger: Oid) -> Option<String> =
        deparser(call.session)?.trigger(call.session, trigger, false);
    "pg_get_triggerdef_ext" [call] (trigger: Oid, pretty: bool) -> Option<String> =
        deparser(call.session)?.trigger(call.session, trigger, pretty);
    "pg_get_functiondef" [call] (function: Oid) -> Option<String> =
        deparser(call.session)?.function(call.session, function);
    "pg_get_function_arguments" [call] (function: Oid) -> Option<String> =
        deparser(call.session)?.function_arguments(call.session, function, false);
    "pg_get_function_identity_arguments" [call] (function: Oid) -> Option<String> =
        deparser(call.session)?.function_arguments(call.session, function, true);
    "pg_get_function_result" [call] (function: Oid) -> Option<String> =
        deparser(call.session)?.function_result(call.session, function);
    "pg_get_function_sqlbody" [call] (function: Oid) -> Option<String> =
        deparser(call.session)?.function_body(call.session, function);
    "pg_get_function_arg_default" [call] (function: Oid, argument: i32) -> Option<String> =
        deparser(call.session)?.function_default(call.session, function, argument);
    "pg_get_partkeydef" [call] (relation: Oid) -> Option<String> =
        deparser(call.session)?.partition_key(call.session, relation);
    "pg_get_partition_constraintdef" [call] (relation: Oid) -> Option<String> =
        deparser(call.session)?.partition_constraint(call.session, relation);
    "pg_relation_is_updatable" [call] (relation: Oid, triggers: bool) -> i32 =
        deparser(call.session)?.updatable(call.session, relation, triggers, None);
    "pg_column_is_updatable" [call] (relation: Oid, attribute: i16, triggers: bool) -> bool =
        match attribute {
            1.. => deparser(call.session)?
                .updatable(call.session, relation, triggers, Some(attribute))
                .map(|events| events & UPDATE_AND_DELETE == UPDATE_AND_DELETE),
            _ => Ok(false),
        };
    "pg_get_statisticsobjdef" [call] (statistics: Oid) -> Option<String> =
        deparser(call.session)?.statistics(call.session, statistics, false);
    "pg_get_statisticsobjdef_columns" [call] (statistics: Oid) -> Option<String> =
        deparser(call.session)?.statistics(call.session, statistics, true);
    "pg_get_statisticsobjdef_expressions" [call] (statistics: Oid) -> Option<Vec<u8>> =
        match deparser(call.session)?.statistics_expressions(call.session, statistics)? {
            Some(texts) => text_array(texts.iter().map(|text| Some(text.as_str()))).map(Some),
            None => Ok(None),
        };
};
