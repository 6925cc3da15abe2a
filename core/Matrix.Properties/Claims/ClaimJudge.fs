namespace Matrix.Properties.Claims

open System.Collections.Generic
open Matrix.Rules
open Matrix.Properties.Claims

/// The judgement of a claim about a decision.
[<RequireQualifiedAccess>]
type Judgement =
    /// The claim is not about the decision.
    | NotAbout
    | Holds
    /// It does not hold, and one of its exceptions covers the decision.
    | Excepted
    | Broken

/// A part of an exception: one of the cases that it lists.
[<NoEquality; NoComparison>]
type CompiledPart = {
    Exception: Exception
    Part: Statement
    Covers: ClaimCase -> bool
}

/// A claim compiled for a version.
[<Sealed>]
type CompiledClaim(version: RoomVersion, claim: Claim) =

    let about = Evaluation.compile version claim.When
    let holds = Evaluation.compile version claim.Then

    let parts = [|
        for e in claim.Exceptions do
            for part in Statement.cases e.Is do
                {
                    Exception = e
                    Part = part
                    Covers = Evaluation.compile version part
                }
    |]

    // The types that the premise asks for or excludes.
    let rec typesOf (statement: Statement) : (string * bool) list =
        match statement with
        | Statement.All inner -> List.collect typesOf inner
        | Statement.Says(Condition.TypeIs name) -> [ name, true ]
        | Statement.Not(Statement.Says(Condition.TypeIs name)) -> [ name, false ]
        | _ -> []

    let types = typesOf claim.When

    /// The claim.
    member _.Claim = claim

    /// The parts of its exceptions.
    member _.Parts = parts

    /// Whether it can be about an event of a type.
    member _.IsAbout(eventType: string) : bool =
        types |> List.forall (fun (name, wanted) -> (name = eventType) = wanted)

    /// Judges a decision.
    member _.Judge(case: ClaimCase) : Judgement =
        if not (about case) then
            Judgement.NotAbout
        elif holds case then
            Judgement.Holds
        else
            let mutable i = 0

            while i < parts.Length && not (parts[i].Covers case) do
                i <- i + 1

            if i < parts.Length then
                Judgement.Excepted
            else
                Judgement.Broken

/// Claims about a version, compiled. Not for several threads.
[<Sealed>]
type VersionClaims(version: RoomVersion, claims: Claim list) =

    let all = [| for claim in claims -> CompiledClaim(version, claim) |]
    let byType = Dictionary<string, CompiledClaim[]>()

    /// All claims about the version.
    new(version: RoomVersion) = VersionClaims(version, Claims.of' version)

    /// All of them.
    member _.All = all

    /// Those that can be about an event of a type.
    member _.About(eventType: string) : CompiledClaim[] =
        match byType.TryGetValue eventType with
        | true, some -> some
        | _ ->
            let some = all |> Array.filter _.IsAbout(eventType)
            byType[eventType] <- some
            some

    /// A claim that a case and its verdict break, or null.
    member this.Broken(eventType: string, case: ClaimCase) : string | null =
        let about = this.About eventType
        let mutable i = 0

        while i < about.Length && about[i].Judge case <> Judgement.Broken do
            i <- i + 1

        if i < about.Length then about[i].Claim.Name else null
