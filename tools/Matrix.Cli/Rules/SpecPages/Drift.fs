namespace Matrix.Cli.Rules.SpecPages

open Matrix.Rules
open Matrix.Rules.Printing

/// A side of a change: where the sentence is, and what it says.
type internal DriftSide = { Item: string; Text: string }

/// What happened to a sentence.
[<RequireQualifiedAccess>]
type internal DriftKind =
    | Added
    | Removed
    | Changed

/// A difference between two editions. Versions with the same text have it together.
type internal DriftEntry = {
    /// The rows that state the sentence; none for a list item that no row states.
    Rows: string list
    Kind: DriftKind
    Page: string
    Section: string
    Before: DriftSide option
    After: DriftSide option
    Versions: string list
}

/// The differences between two editions.
type internal DriftReport = {
    /// Sentences of rows, and items of lists.
    Entries: DriftEntry list
    /// Other sentences of the same sections.
    Others: DriftEntry list
    /// Versions that only the newer edition has a page of, and only the older one.
    NewVersions: string list
    LostVersions: string list
}

/// Compares editions of the specification.
module internal Drift =

    /// A section as both editions have it.
    type private Sides = {
        Old: PageSection option
        New: PageSection option
        /// Places of the newer edition by those of the older.
        Places: Map<string, string>
    }

    let private side (place: string, node: Node) : DriftSide = {
        Item = place
        Text = Sentences.text node
    }

    /// In reading order.
    let private partsOf (section: PageSection option) : (string * Node) list =
        section |> Option.map Sentences.places |> Option.defaultValue []

    let private isSame (a: Node) (b: Node) =
        Markdown.normalised (Sentences.text a) = Markdown.normalised (Sentences.text b)

    /// Blocks have no text of their own: their sentences and items are compared.
    let private isSentence (node: Node) = node.Text <> ""

    let private isItem (place: string) =
        place.Contains "list " || place.StartsWith "property "

    /// The differences in one section; rows by the place in the addressed edition.
    let private ofSection
        (sides: Sides)
        (places: Map<string, string> * Map<string, string>)
        (rows: (string * string) list)
        : (string list * DriftKind * DriftSide option * DriftSide option * string) list =
        let toOld, toNew = places
        let olds, news = partsOf sides.Old, partsOf sides.New
        let byPlace = Map.ofList olds
        let back = Map.ofSeq (sides.Places |> Map.toSeq |> Seq.map (fun (a, b) -> b, a))

        // Rows are found in the newer edition, or else in the older one.
        let rowsAtNew, rowsAtOld =
            let atNew = rows |> List.map (fun (id, item) -> id, item, Map.tryFind item toNew)

            List.groupBy snd [
                for id, _, place in atNew do
                    match place with
                    | Some place -> id, place
                    | None -> ()
            ],
            List.groupBy snd [
                for id, item, place in atNew do
                    match place, Map.tryFind item toOld with
                    | None, Some place -> id, place
                    | _ -> ()
            ]

        let named (groups: (string * (string * string) list) list) =
            Map.ofList [ for place, ids in groups -> place, List.map fst ids ]

        let rowsAtNew, rowsAtOld = named rowsAtNew, named rowsAtOld

        [
            for place, node in news do
                let rows = Map.tryFind place rowsAtNew |> Option.defaultValue []

                if isSentence node || not rows.IsEmpty then
                    let earlier =
                        Map.tryFind place back
                        |> Option.bind (fun old -> Map.tryFind old byPlace |> Option.map (fun node -> old, node))

                    match earlier with
                    | None -> rows, DriftKind.Added, None, Some(side (place, node)), place
                    | Some(old, before) when not (isSame before node) ->
                        rows, DriftKind.Changed, Some(side (old, before)), Some(side (place, node)), place
                    | Some _ -> ()

            for place, node in olds do
                let rows = Map.tryFind place rowsAtOld |> Option.defaultValue []

                if (isSentence node || not rows.IsEmpty) && not (sides.Places.ContainsKey place) then
                    rows, DriftKind.Removed, Some(side (place, node)), None, place
        ]

    /// Compares two editions. The rows' addresses are of a third one.
    let between (addressed: Specification) (before: Specification) (after: Specification) : DriftReport =
        let toOld, toNew = Tracing(addressed, before), Tracing(addressed, after)

        let has (specification: Specification) (v: RoomVersion) =
            (specification.Sections("rooms/v" + v.Id)).IsSome

        let onBoth = Versions.all |> List.filter (fun v -> has before v && has after v)

        let found = [
            for version in onBoth do
                let rows = [
                    for row, address in Addresses.ofVersion Areas.all version do
                        match address with
                        | Some address -> row, address
                        | None -> ()
                ]

                for (page, anchor), rows in rows |> List.groupBy (fun (_, a) -> a.Page, a.Section) do
                    let sides =
                        let old, current = toOld.Section(page, anchor), toNew.Section(page, anchor)

                        {
                            Old = old
                            New = current
                            Places =
                                match old, current with
                                | Some old, Some current -> Alignment.between old current
                                | _ -> Map.empty
                        }

                    let rows = rows |> List.map (fun (row, address) -> row.Id, address.Item)

                    for rows, kind, old, current, place in
                        ofSection sides (toOld.Places(page, anchor), toNew.Places(page, anchor)) rows do
                        // A page of one version, for the versions that share its text.
                        let page = if page = "rooms/v" + version.Page then "rooms/v*" else page

                        isItem place,
                        {
                            Rows = rows
                            Kind = kind
                            Page = page
                            Section = anchor
                            Before = old
                            After = current
                            Versions = [ version.Id ]
                        }
        ]

        let together (entries: DriftEntry list) =
            entries
            |> List.groupBy (fun e -> { e with Versions = [] })
            |> List.map (fun (e, all) -> {
                e with
                    Versions = all |> List.collect _.Versions |> List.distinct
            })

        let only (a: Specification) (b: Specification) =
            Versions.all |> List.filter (fun v -> has a v && not (has b v)) |> List.map _.Id

        let entries, others =
            found
            |> List.partition (fun (isItem, e) -> not e.Rows.IsEmpty || (isItem && e.Kind <> DriftKind.Changed))

        {
            Entries = together (List.map snd entries)
            Others = together (List.map snd others)
            NewVersions = only after before
            LostVersions = only before after
        }
