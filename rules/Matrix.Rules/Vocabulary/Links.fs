namespace Matrix.Rules

/// Addresses of sections of the specification.
[<RequireQualifiedAccess>]
module Links =

    /// The release of the specification that the tables follow.
    let release = "v1.19"

    let private specification = "https://spec.matrix.org/" + release + "/"

    /// The page and the section of an address in the specification; none for any other address.
    let tryPage (link: string) : (string * string) option =
        if link.StartsWith(specification, System.StringComparison.Ordinal) then
            match link.Substring(specification.Length).Split "/#" with
            | [| page; section |] -> Some(page, section)
            | _ -> None
        else
            None

    /// A section of a room version's page.
    let room (page: string) (section: string) : string =
        specification + "rooms/v" + page + "/#" + section

    /// The event format on a room version's page. Three pages have another section with that title before it.
    let eventFormat (page: string) : string =
        match page with
        | "10"
        | "11"
        | "12" -> room page "event-format-1"
        | _ -> room page "event-format"

    /// A section of the Server-Server API.
    let server (section: string) : string =
        specification + "server-server-api/#" + section

    /// A section of the Client-Server API.
    let client (section: string) : string =
        specification + "client-server-api/#" + section

    /// A section of the appendices.
    let appendix (section: string) : string =
        specification + "appendices/#" + section

    /// A proposal, by a name such as `MSC2403`.
    let proposal (msc: string) : string =
        "https://github.com/matrix-org/matrix-spec-proposals/pull/"
        + msc.Replace("MSC", "")

    /// A decision record of this repository, for what the specification leaves open.
    let decision (name: string) : string = "docs/decisions/" + name + ".md"
