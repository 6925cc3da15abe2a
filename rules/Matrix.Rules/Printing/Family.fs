namespace Matrix.Rules.Printing

open Matrix.Rules

/// Versions that share one table.
type SharedTable = {
    /// The shared part, such as `auth`.
    Name: string
    Title: string
    /// The versions of each distinct table, in order of the first.
    Groups: string list list
}

/// The family of versions: what `mx rules list` prints.
[<RequireQualifiedAccess>]
module Family =

    let private shared name title (key: RoomVersion -> 'k) (versions: RoomVersion list) : SharedTable = {
        Name = name
        Title = title
        Groups = versions |> List.groupBy key |> List.map (snd >> List.map _.Id)
    }

    /// The versions that share each table, found by comparing the tables.
    let sharedTables (versions: RoomVersion list) : SharedTable list = [
        shared "auth" "Authorization tables" _.Authorization versions
        shared "redaction" "Redaction tables" _.Redaction versions
        shared "state" "State resolutions" _.Settings.StateResolution versions
        shared "ids" "Event id forms" _.Settings.EventIds versions
        shared "format" "Event formats" (fun v -> Fields.ofSettings v.Settings) versions
        shared "selection" "Auth events selections" _.Selections versions
    ]

    /// The index, from 1, of the group that a version is in.
    let groupOf (id: string) (table: SharedTable) : int =
        (table.Groups |> List.findIndex (List.contains id)) + 1
