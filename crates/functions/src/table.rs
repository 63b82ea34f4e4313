//! The form in which families list their functions: source name, parameters, result and body in one place.

/// A family's functions: `"prosrc" [call] (a: i32, b: str) -> bool = body;`. The body is an expression of type
/// `Result<R>`; parameter and result types are the markers of `kernel.rs`; `[call]` is left out where the body needs
/// no circumstances.
macro_rules! functions {
    ($($source:tt $([$call:ident])? ($($arg:ident: $type:ty),*) -> $result:ty = $body:expr;)*) => {
        &[$($crate::table::function!($source [$($call)?] ($($arg: $type),*) -> $result = $body)),*]
    };
}

/// One entry of [`functions!`].
macro_rules! function {
    ($source:tt [] ($($arg:ident: $type:ty),*) -> $result:ty = $body:expr) => {
        $crate::table::function!($source [_call] ($($arg: $type),*) -> $result = $body)
    };
    ($source:tt [$call:ident] ($($arg:ident: $type:ty),*) -> $result:ty = $body:expr) => {
        $crate::call::Function {
            source: $source,
            arity: <[&str]>::len(&[$(stringify!($arg)),*]),
            strict: !(false $(|| <$type as $crate::kernel::Argument>::NULLABLE)*),
            kernel: |call, args, rows, out| {
                $crate::table::kernel!($($type),* => $result)(|$call, $($arg),*| $body, call, args, rows, out)
            },
        }
    };
}

macro_rules! kernel {
    (=> $r:ty) => {
        $crate::kernel::call0::<$r>
    };
    ($a:ty => $r:ty) => {
        $crate::kernel::call1::<$a, $r>
    };
    ($a:ty, $b:ty => $r:ty) => {
        $crate::kernel::call2::<$a, $b, $r>
    };
    ($a:ty, $b:ty, $c:ty => $r:ty) => {
        $crate::kernel::call3::<$a, $b, $c, $r>
    };
    ($a:ty, $b:ty, $c:ty, $d:ty => $r:ty) => {
        $crate::kernel::call4::<$a, $b, $c, $d, $r>
    };
    ($a:ty, $b:ty, $c:ty, $d:ty, $e:ty => $r:ty) => {
        $crate::kernel::call5::<$a, $b, $c, $d, $e, $r>
    };
    ($a:ty, $b:ty, $c:ty, $d:ty, $e:ty, $f:ty => $r:ty) => {
        $crate::kernel::call6::<$a, $b, $c, $d, $e, $f, $r>
    };
    ($a:ty, $b:ty, $c:ty, $d:ty, $e:ty, $f:ty, $g:ty => $r:ty) => {
        $crate::kernel::call7::<$a, $b, $c, $d, $e, $f, $g, $r>
    };
}

/// The six comparisons that an order gives, named `{prefix}eq{suffix}` and so on.
macro_rules! comparisons {
    ($prefix:literal, $suffix:literal, $left:ty, $right:ty, |$call:pat_param, $a:ident, $b:ident| $compare:expr) => {
        $crate::table::comparisons!(
            [eq is_eq ne is_ne lt is_lt le is_le gt is_gt ge is_ge]
            $prefix, $suffix, $left, $right, |$call, $a, $b| $compare
        )
    };
    ([$($name:ident $test:ident)*] $prefix:literal, $suffix:literal, $left:ty, $right:ty,
     |$call:pat_param, $a:ident, $b:ident| $compare:expr) => {
        &[$($crate::table::comparison!(
            concat!($prefix, stringify!($name), $suffix), $left, $right, |$call, $a, $b| $compare, $test
        )),*]
    };
}

/// One of [`comparisons!`].
macro_rules! comparison {
    ($source:expr, $left:ty, $right:ty,
     |$call:pat_param, $a:ident, $b:ident| $compare:expr, $test:ident) => {
        $crate::call::Function {
            source: $source,
            arity: 2,
            strict: true,
            kernel: |call, args, rows, out| {
                $crate::kernel::call2::<$left, $right, bool>(
                    |$call, $a, $b| {
                        let ordering: std::cmp::Ordering = $compare;
                        Ok(ordering.$test())
                    },
                    call,
                    args,
                    rows,
                    out,
                )
            },
        }
    };
}

pub(crate) use {comparison, comparisons, function, functions, kernel};
