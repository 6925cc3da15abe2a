namespace Matrix.Properties.Vectors.Generation

open System
open System.Text
open Matrix.Core.Auth
open Matrix.Properties.Mutation
open Matrix.Properties.SmallWorlds
open Matrix.Properties.Vectors
open Matrix.Rules

/// The authorization vectors that are made from the small worlds.
[<RequireQualifiedAccess>]
module GeneratedVectors =

    let private render (about: string) (picks: (RoomVersion list * Pick list) list) : string =
        let rendering = Rendering about

        for versions, picks in picks do
            for version in versions do
                let rules = AuthRules version

                let stages =
                    Worlds.all
                    |> List.map (fun world -> world.Name, lazy Stage(Ground(world, version)))
                    |> dict

                for pick in picks do
                    let stage = stages[pick.World.Name].Value
                    stage.Load pick.Case

                    let name =
                        match World.describe pick.World pick.Case with
                        | [] -> pick.World.Name
                        | words -> pick.World.Name + ": " + String.concat "; " words

                    rendering.Add(version, name, pick.Near, stage.Case, stage.Decide rules)

        rendering.Text

    /// Where the first of the files belongs, below the folder of vectors.
    [<Literal>]
    let ClausesFile = "authorization/clauses.json"

    /// Where the second does.
    [<Literal>]
    let MutantsFile = "authorization/mutants.json"

    let private groups = lazy (Worlds.groups Versions.all)

    let private clausePicks =
        lazy
            (groups.Value
             |> List.map (fun group -> group, Picking(Worlds.all, group.Head).OfClauses()))

    /// For every rule that decides, of every version: the smallest decision that it makes, each way, and one beside it that it does not make.
    let clauses () : string =
        render
            "For every rule that decides, in every room version: the smallest case that it decides, and beside it (`near`) one that differs in \
             one thing and is decided the other way by another rule. Found by enumerating small worlds; `mx vectors generate` writes this file."
            clausePicks.Value

    /// What, besides, it takes to tell every mutant of every version from it. `files`: the vectors that there are, without these.
    let mutants (files: (string * VectorFile) list) (told: string -> unit) : Result<string, VectorFault> =
        let clauses = clauses ()

        Vectors.read (ReadOnlySpan<byte>(Encoding.UTF8.GetBytes clauses))
        |> Result.map (fun read ->
            let files = files @ [ ClausesFile, read ]

            let picksOf (group: RoomVersion list) : Pick list =
                let version = group.Head
                let suite = Suite(version, files)
                let picking = Picking(Worlds.all, version)

                let left =
                    Mutants.ofAuthorization version
                    |> List.filter (fun m -> (Equivalents.reasonOf version m).IsNone && (suite.Killer m).IsNone)

                let kills = Hunt.run suite Worlds.all 1L told left

                // One case may tell many mutants: those that an earlier one tells need no other.
                let stages =
                    Worlds.all
                    |> List.map (fun world -> world.Name, lazy Stage(Ground(world, version)))
                    |> dict

                let tells (mutant: Mutant) (mutated: AuthRules) (pick: Pick) =
                    mutant.Subject <> Subject.Setting
                    && (let stage = stages[pick.World.Name].Value
                        stage.Load pick.Case
                        Verdicts.differ (stage.Decide suite.Rules) (stage.Decide mutated))

                ([], left)
                ||> List.fold (fun picks mutant ->
                    match kills[mutant.Id].Kill with
                    | None -> picks
                    | Some kill ->
                        let mutated = AuthRules mutant.Table

                        if picks |> List.exists (tells mutant mutated) then
                            picks
                        else
                            picking.OfKill(mutant, kill) :: picks)
                |> List.rev
                |> List.distinctBy (fun pick -> pick.World.Name, List.ofArray pick.Case)

            render
                "What tells each mutant of each room version from it, where no other vector does: a mutant is a table of rules with one thing \
                 changed. Found by `mx rules mutate` in small worlds; `mx vectors generate` writes this file."
                (groups.Value |> List.map (fun group -> group, picksOf group)))
