//! `#[event_combiner]`

use proc_macro2::TokenStream;
use quote::quote;
use syn::Result;

use crate::{
    args::Args,
    method::{Block, Receiver},
};

const USAGE: &str = "#[event_combiner(Aggregate, version = 1)]";
const FORM: &str = "impl Event { fn combine(&self, state: &mut Aggregate) { .. } }";

pub(crate) fn expand(args: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let args = Args::parse(args, USAGE, &["version"])?;
    let (aggregate, version) = (args.aggregate()?, args.version("version")?);
    let block = Block::parse(item, FORM)?;
    block.method("combine", Receiver::Reference, &[1])?.expect_reference(0, true, aggregate)?;
    let (event, item) = (&block.ident, &block.item);
    let mismatch = format!(
        "this combiner is for version {version}, but `{event}` has another one: write the same version in `#[event]` and `#[event_combiner]`"
    );
    Ok(quote! {
        #item

        const _: () = ::core::assert!(<#event as ::cantus_sdk::Event>::KIND.version == #version, #mismatch);

        impl ::cantus_sdk::__private::OneCombinerOrUpcasterPerEvent for #event {
            const UPCASTS_TO: ::core::option::Option<u32> = ::core::option::Option::None;

            fn fold(self, state: &mut #aggregate) {
                self.combine(state);
            }

            fn newest(self) -> ::core::result::Result<::cantus_sdk::Message, ::std::string::String> {
                ::cantus_sdk::__private::encode(&self)
            }
        }
    })
}
