namespace Matrix.Cli.Rules.SpecPages

open System.Collections.Generic
open Matrix.Rules.Printing

/// A sentence in one edition.
type internal Found = { Place: string; Node: Node }

/// Finds sentences in another edition than the one that their addresses are of.
type internal Tracing(addressed: Specification, target: Specification) =

    let sections = Dictionary<string * string, PageSection option>()
    let aligned = Dictionary<string * string, Map<string, string>>()

    let cached (store: Dictionary<_, _>) key make =
        match store.TryGetValue key with
        | true, value -> value
        | _ ->
            let value = make ()
            store[key] <- value
            value

    /// The target's edition of an addressed section.
    member _.Section(page: string, anchor: string) : PageSection option =
        cached sections (page, anchor) (fun () ->
            match Sentences.section addressed page anchor, target.Sections page with
            | Some section, Some page -> Alignment.counterpart section page
            | _ -> None)

    /// The places of the target's edition of a section, by those of the addressed one.
    member this.Places(page: string, anchor: string) : Map<string, string> =
        cached aligned (page, anchor) (fun () ->
            match Sentences.section addressed page anchor, this.Section(page, anchor) with
            | Some before, Some after -> Alignment.between before after
            | _ -> Map.empty)

    /// The sentence of that address in the target.
    member this.Find(address: Address) : Found option =
        match this.Section(address.Page, address.Section) with
        | None -> None
        | Some section ->
            this.Places(address.Page, address.Section)
            |> Map.tryFind address.Item
            |> Option.bind (fun place ->
                Sentences.places section
                |> List.tryFind (fst >> (=) place)
                |> Option.map (fun (place, node) -> { Place = place; Node = node }))
