//! `#[function("prosrc")]`: ties a plain Rust function to the pg_proc rows with that source name. See README.md.

use proc_macro::TokenStream;
use proc_macro2::TokenStream as Tokens;
use quote::{format_ident, quote};
use syn::{FnArg, GenericArgument, ItemFn, LitStr, PathArguments, ReturnType, Type, parse_macro_input};

/// Beside `fn name(a: A, b: B) -> Result<R>` puts `pub const NAME: Function`, which evaluates it over columns.
/// A first parameter `call: &Call<'_>` receives the call's circumstances. Parameters of type `Option<T>` make the
/// function non-strict: it is called for NULLs too. `Result<Option<R>>` may return NULL.
#[proc_macro_attribute]
pub fn function(source: TokenStream, item: TokenStream) -> TokenStream {
    let source = parse_macro_input!(source as LitStr);
    let item = parse_macro_input!(item as ItemFn);
    expand(&source, &item).unwrap_or_else(|error| error.to_compile_error()).into()
}

fn expand(source: &LitStr, item: &ItemFn) -> syn::Result<Tokens> {
    let name = &item.sig.ident;
    let constant = format_ident!("{}", name.to_string().to_uppercase());
    let mut types = Vec::new();
    let mut takes_call = false;
    for (position, input) in item.sig.inputs.iter().enumerate() {
        let FnArg::Typed(input) = input else {
            return Err(syn::Error::new_spanned(input, "an SQL function has no self"));
        };
        if position == 0 && is_call(&input.ty) {
            takes_call = true;
        } else {
            types.push(marker(&input.ty));
        }
    }
    let result = result_type(&item.sig.output)?;
    let shape = format_ident!("call{}", types.len());
    let names: Vec<_> = (0..types.len()).map(|i| format_ident!("a{i}")).collect();
    let context = takes_call.then(|| quote!(call,));
    let strict = !item.sig.inputs.iter().any(|input| match input {
        FnArg::Typed(input) => option_inner(&input.ty).is_some(),
        FnArg::Receiver(_) => false,
    });
    let arity = types.len();
    Ok(quote! {
        #item

        #[doc = concat!("pg_proc source `", #source, "`.")]
        pub const #constant: crate::call::Function = crate::call::Function {
            source: #source,
            arity: #arity,
            strict: #strict,
            kernel: |call, args, rows, out| {
                crate::kernel::#shape::<#(#types,)* #result>(
                    |call, #(#names),*| { let _ = call; #name(#context #(#names),*) },
                    call, args, rows, out,
                )
            },
        };
    })
}

fn is_call(ty: &Type) -> bool {
    let Type::Reference(reference) = ty else { return false };
    matches!(&*reference.elem, Type::Path(path) if path.path.segments.last().is_some_and(|s| s.ident == "Call"))
}

/// The type that stands for a parameter's or result's shape: references lose their `&`, lifetimes become 'static.
fn marker(ty: &Type) -> Tokens {
    match ty {
        Type::Reference(reference) => {
            let inner = marker(&reference.elem);
            quote!(#inner)
        }
        Type::Path(path) => {
            let mut path = path.clone();
            for segment in &mut path.path.segments {
                if let PathArguments::AngleBracketed(arguments) = &mut segment.arguments {
                    for argument in &mut arguments.args {
                        match argument {
                            GenericArgument::Lifetime(lifetime) => {
                                *lifetime = syn::Lifetime::new("'static", lifetime.apostrophe);
                            }
                            GenericArgument::Type(inner) => {
                                // Option<&str> is Option<Ref<str>>: markers may be unsized, Option's argument not.
                                let tokens = marker(inner);
                                let boxed = matches!(inner, Type::Reference(_));
                                *inner = if boxed {
                                    syn::parse_quote!(crate::kernel::Ref<#tokens>)
                                } else {
                                    syn::parse_quote!(#tokens)
                                };
                            }
                            _ => {}
                        }
                    }
                }
            }
            quote!(#path)
        }
        other => quote!(#other),
    }
}

fn option_inner(ty: &Type) -> Option<&Type> {
    let Type::Path(path) = ty else { return None };
    let segment = path.path.segments.last()?;
    if segment.ident != "Option" {
        return None;
    }
    match &segment.arguments {
        PathArguments::AngleBracketed(arguments) => arguments.args.iter().find_map(|a| match a {
            GenericArgument::Type(inner) => Some(inner),
            _ => None,
        }),
        _ => None,
    }
}

fn result_type(output: &ReturnType) -> syn::Result<Tokens> {
    let wrong = || syn::Error::new_spanned(output, "an SQL function returns Result<R> or Result<Option<R>>");
    let ReturnType::Type(_, ty) = output else { return Err(wrong()) };
    let Type::Path(path) = &**ty else { return Err(wrong()) };
    let segment = path.path.segments.last().filter(|s| s.ident == "Result").ok_or_else(wrong)?;
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else { return Err(wrong()) };
    let Some(GenericArgument::Type(inner)) = arguments.args.first() else { return Err(wrong()) };
    Ok(marker(inner))
}
