//! Input and output of pseudo-types, most of which refuse; pg_node_tree.

use crate::call::Function;
use crate::table::functions;
use base::{Result, bail};

fn refuse_input<T>(type_name: &str) -> Result<T> {
    bail!(FEATURE_NOT_SUPPORTED, "cannot accept a value of type {type_name}");
}

fn refuse_output<T>(type_name: &str) -> Result<T> {
    bail!(FEATURE_NOT_SUPPORTED, "cannot display a value of type {type_name}");
}

macro_rules! refusing {
    ($($input:literal $output:literal $name:literal;)*) => {
        functions! {
            $(
                $input (_text: crate::kernel::MaybeText) -> i32 = refuse_input($name);
                $output (_value: datum::Datum<'static>) -> str = refuse_output($name);
            )*
        }
    };
}

/// Those whose input functions are called for NULL too.
const HANDLERS: &[Function] = refusing! {
    "event_trigger_in" "event_trigger_out" "event_trigger";
    "language_handler_in" "language_handler_out" "language_handler";
    "fdw_handler_in" "fdw_handler_out" "fdw_handler";
    "table_am_handler_in" "table_am_handler_out" "table_am_handler";
    "index_am_handler_in" "index_am_handler_out" "index_am_handler";
    "tsm_handler_in" "tsm_handler_out" "tsm_handler";
    "shell_in" "shell_out" "shell";
};

pub const FUNCTIONS: &[&[Function]] = &[
    HANDLERS,
    functions! {
        "void_in" (_text: str) -> () = Ok(());
        "void_out" (_value: datum::Datum<'static>) -> str = Ok("");
        "void_recv" (_bytes: [u8]) -> () = Ok(());
        "void_send" (_value: datum::Datum<'static>) -> str = Ok("");
        "any_in" (_text: str) -> i32 = refuse_input("any");
        "any_out" (_value: datum::Datum<'static>) -> str = refuse_output("any");
        "anyelement_in" (_text: str) -> i32 = refuse_input("anyelement");
        "anyelement_out" (_value: datum::Datum<'static>) -> str = refuse_output("anyelement");
        "anynonarray_in" (_text: str) -> i32 = refuse_input("anynonarray");
        "anynonarray_out" (_value: datum::Datum<'static>) -> str = refuse_output("anynonarray");
        "anyarray_in" (_text: str) -> Vec<u8> = refuse_input("anyarray");
        "anyarray_recv" (_bytes: [u8]) -> Vec<u8> = refuse_input("anyarray");
        "anyenum_in" (_text: str) -> i32 = refuse_input("anyenum");
        "anycompatible_in" (_text: str) -> i32 = refuse_input("anycompatible");
        "anycompatible_out" (_value: datum::Datum<'static>) -> str = refuse_output("anycompatible");
        "anycompatiblenonarray_in" (_text: str) -> i32 = refuse_input("anycompatiblenonarray");
        "anycompatiblenonarray_out" (_value: datum::Datum<'static>) -> str = refuse_output("anycompatiblenonarray");
        "anycompatiblearray_in" (_text: str) -> Vec<u8> = refuse_input("anycompatiblearray");
        "anycompatiblearray_recv" (_bytes: [u8]) -> Vec<u8> = refuse_input("anycompatiblearray");
        "internal_in" (_text: crate::kernel::MaybeText) -> i64 = refuse_input("internal");
        "internal_out" (_value: datum::Datum<'static>) -> str = refuse_output("internal");
        "trigger_in" (_text: crate::kernel::MaybeText) -> i32 = refuse_input("trigger");
        "pg_ddl_command_in" (_text: str) -> i64 = refuse_input("pg_ddl_command");
        "pg_ddl_command_out" (_value: datum::Datum<'static>) -> str = refuse_output("pg_ddl_command");
        "pg_ddl_command_recv" (_bytes: [u8]) -> i64 = refuse_input("pg_ddl_command");
        "pg_ddl_command_send" (_value: datum::Datum<'static>) -> str = refuse_output("pg_ddl_command");
        "pg_node_tree_in" (_text: str) -> String = refuse_input("pg_node_tree");
        "pg_node_tree_out" (text: str) -> str = Ok(text);
        "pg_node_tree_recv" (_bytes: [u8]) -> String = refuse_input("pg_node_tree");
        "pg_node_tree_send" (text: str) -> str = Ok(text);
        "pg_ndistinct_in" (_text: str) -> Vec<u8> = refuse_input("pg_ndistinct");
        "pg_ndistinct_recv" (_bytes: [u8]) -> Vec<u8> = refuse_input("pg_ndistinct");
        "pg_dependencies_in" (_text: str) -> Vec<u8> = refuse_input("pg_dependencies");
        "pg_dependencies_recv" (_bytes: [u8]) -> Vec<u8> = refuse_input("pg_dependencies");
        "pg_mcv_list_in" (_text: str) -> Vec<u8> = refuse_input("pg_mcv_list");
        "pg_mcv_list_recv" (_bytes: [u8]) -> Vec<u8> = refuse_input("pg_mcv_list");
    },
];
