//! `#[command_handler]`

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::{Ident, ImplItem, Result, Type, spanned::Spanned};

use crate::{
    args::Args,
    method::{Block, Receiver, replace_self_error},
};

const USAGE: &str = "#[command_handler(Aggregate, version = 1)]";
const FORM: &str =
    "impl NameHandler { type Error = ..; fn handle(&self, state: &Aggregate, cmd: Name) -> Result<.., ..> { .. } }";

pub(crate) fn expand(args: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let args = Args::parse(args, USAGE, &["version"])?;
    let (aggregate, version) = (args.aggregate()?, args.version("version")?);
    let mut block = Block::parse(item, FORM)?;
    let error = take_error(&mut block)?;
    let method = block.method("handle", Receiver::Reference, &[2, 3])?;
    method.expect_reference(0, false, aggregate)?;
    let has_context = method.arguments.len() == 3;
    if has_context {
        method.expect_reference(2, false, &Ident::new("Context", Span::call_site()).into())?;
    }
    let command = method.arguments[1];
    if !matches!(command, Type::Path(_)) {
        return Err(block.error(command, "the handler takes the command by value"));
    }
    let output = method.output()?;
    if !is_result(output) {
        return Err(block.error(output, "a handler returns a `Result`"));
    }

    let handler = &block.ident;
    let context = has_context.then(|| quote!(, context));
    let call = quote_spanned!(output.span()=> #handler.handle(state, self #context));
    let mismatch = format!(
        "`{handler}` is for version {version}, but `{}` has another one: write the same version in `#[command]` and `#[command_handler]`",
        command.to_token_stream()
    );
    let doc = format!(" Decides [`{}`].", command.to_token_stream());
    let body = replace_self_error(block.item.to_token_stream(), &error);
    let decide = quote_spanned! {output.span()=>
        let outcome: ::core::result::Result<_, #error> = #call;
    };
    let append = quote_spanned! {output.span()=>
        ::cantus_sdk::IntoEvents::<Self>::append_to(events, &mut messages)
    };
    Ok(quote! {
        #[doc = #doc]
        pub(crate) struct #handler;

        #body

        const _: () = ::core::assert!(<#command as ::cantus_sdk::Command>::KIND.version == #version, #mismatch);

        impl ::cantus_sdk::__private::OneHandlerPerCommand for #command {
            fn decide(
                self,
                state: &#aggregate,
                context: &::cantus_sdk::Context,
            ) -> ::core::result::Result<::std::vec::Vec<::cantus_sdk::Message>, ::cantus_sdk::Failure> {
                let _ = context;
                #decide
                let events = outcome
                    .map_err(|error| ::cantus_sdk::Failure::Rejected(::cantus_sdk::IntoRejection::into_rejection(error)))?;
                let mut messages = ::std::vec::Vec::new();
                #append.map_err(::cantus_sdk::Failure::Malformed)?;
                ::core::result::Result::Ok(messages)
            }
        }
    })
}

/// Takes `type Error = ..;` out of the block, where it is not valid Rust.
fn take_error(block: &mut Block) -> Result<Type> {
    let position = block.item.items.iter().position(|item| matches!(item, ImplItem::Type(ty) if ty.ident == "Error"));
    match position.map(|position| block.item.items.remove(position)) {
        Some(ImplItem::Type(error)) => Ok(error.ty),
        _ => Err(block.error(&block.ident, "`type Error = ..;` is missing")),
    }
}

fn is_result(ty: &Type) -> bool {
    match ty {
        Type::Path(path) => path.path.segments.last().is_some_and(|segment| segment.ident == "Result"),
        _ => false,
    }
}
