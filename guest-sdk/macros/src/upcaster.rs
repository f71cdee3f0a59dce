//! `#[event_upcaster]`

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Error, Result};

use crate::{
    args::Args,
    method::{Block, Receiver},
};

const USAGE: &str = "#[event_upcaster(Aggregate, from = 1, to = 2)]";
const FORM: &str = "impl OlderEvent { fn upcast(self) -> NewerEvent { .. } }";

pub(crate) fn expand(args: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let args = Args::parse(args, USAGE, &["from", "to"])?;
    let (aggregate, from, to) = (args.aggregate()?, args.version("from")?, args.version("to")?);
    let block = Block::parse(item, FORM)?;
    if from >= to {
        return Err(Error::new(
            block.ident.span(),
            "an upcaster goes from an older version to a newer one: `from` < `to`",
        ));
    }
    let method = block.method("upcast", Receiver::Value, &[0])?;
    let (event, newer, item) = (&block.ident, method.output()?, &block.item);
    let from_mismatch = format!("`from = {from}`, but `{event}` has another version: write the same version in both");
    let to_mismatch = format!(
        "`to = {to}`, but the event that `{event}` is upcast to has another version: write the same version in both"
    );
    let name_mismatch = format!(
        "`{event}` and the event that it is upcast to have different names: write the same `#[event(.., name = \"..\")]` for both"
    );
    Ok(quote! {
        #item

        const _: () = {
            const OLDER: ::cantus_sdk::MessageKind = <#event as ::cantus_sdk::Event>::KIND;
            const NEWER: ::cantus_sdk::MessageKind = <#newer as ::cantus_sdk::Event>::KIND;
            ::core::assert!(OLDER.version == #from, #from_mismatch);
            ::core::assert!(NEWER.version == #to, #to_mismatch);
            ::core::assert!(OLDER.has_name(NEWER.name), #name_mismatch);
        };

        impl ::cantus_sdk::__private::OneCombinerOrUpcasterPerEvent for #event {
            const UPCASTS_TO: ::core::option::Option<u32> = ::core::option::Option::Some(#to);

            fn fold(self, state: &mut #aggregate) {
                ::cantus_sdk::__private::OneCombinerOrUpcasterPerEvent::fold(self.upcast(), state);
            }

            fn newest(self) -> ::core::result::Result<::cantus_sdk::Message, ::std::string::String> {
                ::cantus_sdk::__private::OneCombinerOrUpcasterPerEvent::newest(self.upcast())
            }
        }
    })
}
