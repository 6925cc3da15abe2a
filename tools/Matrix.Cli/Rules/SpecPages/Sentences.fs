namespace Matrix.Cli.Rules.SpecPages

open System.Collections.Generic
open Matrix.Rules.Printing

/// The specification at one commit, each page read once.
type internal Specification = {
    Repository: Repository
    Sections: string -> PageSection list option
}

/// Finds sentences by their address.
module internal Sentences =

    /// The pages of a commit.
    let specification (repository: Repository) : Specification =
        let read = Pages.reader repository
        let seen = Dictionary<string, PageSection list option>()

        {
            Repository = repository
            Sections =
                fun page ->
                    match seen.TryGetValue page with
                    | true, sections -> sections
                    | _ ->
                        let sections = Pages.sections read page
                        seen[page] <- sections
                        sections
        }

    /// The section of that anchor.
    let section (specification: Specification) (page: string) (anchor: string) : PageSection option =
        specification.Sections page
        |> Option.bind (List.tryFind (fun section -> section.Anchor = anchor))

    /// The parts of a section by their place in it, in reading order.
    let places (section: PageSection) : (string * Node) list =
        let rec walk (prefix: string) (node: Node) =
            let place = prefix + node.Label
            (place, node) :: (node.Inside |> List.collect (walk (place + ".")))

        section.Parts |> List.collect (walk "")

    /// The text of a part: its own, or that of everything in a list or paragraph.
    let rec text (node: Node) : string =
        if node.Text = "" then
            node.Inside |> List.map text |> String.concat " "
        else
            node.Text

    /// The part at an address.
    let find (specification: Specification) (address: Address) : Node option =
        section specification address.Page address.Section
        |> Option.bind (places >> List.tryFind (fst >> (=) address.Item))
        |> Option.map snd
