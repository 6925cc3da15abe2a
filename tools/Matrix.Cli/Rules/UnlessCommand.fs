namespace Matrix.Cli.Rules

open FsCheck
open FsCheck.FSharp
open Matrix.Cli.Input.TableArguments
open Matrix.Cli.Output
open Matrix.Rules
open Matrix.Proofs.Queries
open Matrix.Proofs.Universe
open Matrix.Properties.Generators
open Matrix.Properties.SmallWorlds

/// `mx rules diff --unless`: a condition outside of which two versions give every event the same verdict.
module internal UnlessCommand =

    /// The seconds for a proof at first, for a case or a proof at last, and for each lighter case.
    let private short, private limit, private lighter = 15, 120, 2

    /// The most atoms of a condition.
    let private mostAtoms = 6

    /// So many cases are drawn of each version.
    let private drawn = 3000

    /// A case that both versions decide, with what the atoms are in it.
    type private Known = { Case: AuthCase; Atoms: bool[] }

    let private drawnCases (version: RoomVersion) : AuthCase list =
        [ AuthGen.case version; AuthGen.levelsCase version ]
        |> List.collect (fun cases -> Gen.sampleWithSeed (Rnd(17UL, 19UL)) 50 drawn cases |> List.ofSeq)

    let private smallestCases (a: RoomVersion) (b: RoomVersion) : AuthCase list =
        let _, apart = Differences.decided a b

        [
            for version in [ a; b ] do
                for case in apart do
                    let loader = CaseLoader(Ground(case.World, version))
                    loader.Load case.Case
                    loader.Case
        ]

    /// Atoms in the order in which they are preferred: those that hold in few cases of the same verdict first. An atom
    /// and its negation together would say nothing, so there are no negations.
    let private preferred (unless: Unless) (same: bool[] list) : int list =
        [ 0 .. unless.Atoms.Length - 1 ]
        |> List.sortBy (fun atom -> same |> List.filter (fun case -> case[atom]) |> List.length)

    type private Found = {
        Cover: Cover
        Proof: Proof
        /// Cases of different verdicts.
        Known: Known list
        Asked: int
    }

    /// Conditions are made to hold of all known differences. A case that a solver finds outside of one is known from
    /// then on.
    let rec private search
        (unless: Unless)
        (order: int list)
        (say: string -> unit)
        (asked: int)
        (known: Known list)
        : Result<Found, string> =
        match Covers.smallest mostAtoms order (known |> List.map _.Atoms) with
        | None ->
            let without =
                match known |> List.tryFind (fun case -> not (Array.contains true case.Atoms)) with
                | Some case -> $", such as one in which no atom holds: {case.Case.Display}"
                | None -> ""

            let differences = $"{known.Length} known differences{without}"
            Error $"none found: no condition with at most {mostAtoms} atoms holds of all {differences}"
        | Some cover ->
            say $"{known.Length} differences known; {Covers.size cover} atoms"
            let query = unless.Query cover

            let ask seconds =
                (Proving.proofOrCase seconds lighter query).GetAwaiter().GetResult()

            let proof =
                match ask short with
                | { Outcome = Outcome.Undecided _ } -> ask limit
                | proof -> proof

            match proof.Outcome with
            | Outcome.Refuted(found, _) ->
                let atoms, _ = unless.Read found.Case
                search unless order say (asked + 1) ({ Case = found.Case; Atoms = atoms } :: known)
            | Outcome.Wrong reason -> Error $"a case is wrong: {reason}"
            | _ ->
                Ok {
                    Cover = cover
                    Proof = proof
                    Known = known
                    Asked = asked + 1
                }

    /// A known difference in which a conjunction holds, and no other of the condition if there is one.
    let private showing (cover: Cover) (conjunction: int list) (known: Known list) : Known option =
        let holds (case: Known) (conjunction: int list) =
            conjunction |> List.forall (fun atom -> case.Atoms[atom])

        let those = known |> List.filter (fun case -> holds case conjunction)

        those
        |> List.sortBy (fun case ->
            let others = cover |> List.filter (fun other -> holds case other) |> List.length
            others, case.Case.State.Count, case.Case.Display.Length)
        |> List.tryHead

    let private lines (a: NamedVersion) (b: NamedVersion) (case: AuthCase) : string list =
        let found = {
            Case = case
            Redacted = ""
            Weight = 0I
        }

        CaseLines.ofCase found
        @ [
            CaseLines.decided a.Name a.Version found
            CaseLines.decided b.Name b.Version found
        ]

    let private report (unless: Unless) (a: NamedVersion) (b: NamedVersion) (found: Found) : Report = {
        Facts = [
            "result", Word(ProofReport.word found.Proof.Outcome)
            "from", Word a.Name
            "to", Word b.Name
            "atoms", Count(int64 (Covers.size found.Cover))
            "atoms to choose from", Count(int64 unless.Atoms.Length)
            "fewer atoms", Word $"none: {found.Known.Length} differences refute every such condition"
            "conditions asked", Count(int64 found.Asked)
        ]
        Tables = [
            {
                Name = "unless"
                Columns = [ "condition"; "case" ]
                Rows = [
                    for conjunction, words in List.zip found.Cover (unless.Words found.Cover) do
                        Word words :: [ Word "" ]

                        match showing found.Cover conjunction found.Known with
                        | Some known ->
                            for line in lines a b known.Case do
                                [ Word ""; Word line ]
                        | None -> ()
                ]
            }
        ]
    }

    /// Finds a condition, proves it and shows a difference for each of its conjunctions.
    let run (format: OutputFormat) (a: NamedVersion) (b: NamedVersion) : Ending =
        match Solver.installed () with
        | Error ending -> ending
        | Ok _ ->
            let unless = Unless(a.Name, a.Version, b.Name, b.Version)
            use line = new Progress()
            line.Show "draws cases"

            let read =
                smallestCases a.Version b.Version @ drawnCases a.Version @ drawnCases b.Version
                |> List.map (fun case -> case, unless.Read case)

            let known = [
                for case, (atoms, differs) in read do
                    if differs then
                        { Case = case; Atoms = atoms }
            ]

            let same = [
                for _, (atoms, differs) in read do
                    if not differs then
                        atoms
            ]

            let found = search unless (preferred unless same) line.Show 0 known
            line.Show ""

            match found with
            | Error reason -> Refused reason
            | Ok found ->
                Report.print format (report unless a b found)
                if found.Proof.Outcome.IsProved then Done else Finding
