namespace Matrix.Properties.Properties

open FsCheck
open FsCheck.FSharp
open Matrix.Rules
open Matrix.Core.Auth
open Matrix.Properties
open Matrix.Properties.Claims
open Matrix.Properties.Generators
open Matrix.Properties.SmallWorlds

/// Properties of drawn cases: the claims hold of each decision, and of none would the opposite satisfy them.
[<RequireQualifiedAccess>]
module ClaimProperties =

    /// A claim that a verdict on a case, made of the version's own, breaks, or null. Not for several threads.
    let breaking (version: RoomVersion) : AuthCase -> (bool -> bool) -> string | null =
        let rules = AuthRules version
        let claims = VersionClaims version

        fun case verdictOf ->
            let case = OnItsOwn(rules, case) :> ICase
            let decision = rules.Decide(case.Event, case, case.Facts)
            let read = ClaimCase case
            read.Allowed <- verdictOf decision.IsOk
            claims.Broken(case.Event.Type, read)

    let private hold (version: RoomVersion) (name: string) (gen: Gen<AuthCase>) : Property =
        let broken = breaking version

        Property.forAllShrink
            $"claims-together.{name}.{version.Id}"
            "Every claim about the version holds of the decision about a drawn case."
            gen
            AuthGen.shrink
            (fun case ->
                match broken case id with
                | null -> true
                | claim -> failwith $"{claim} does not hold")

    let private leaveNothingOpen (version: RoomVersion) (name: string) (gen: Gen<AuthCase>) : Property =
        let broken = breaking version

        Property.forAllShrink
            $"claims-together.{name}.{version.Id}"
            "The opposite of the decision about a drawn case breaks some claim."
            gen
            AuthGen.shrink
            (fun case -> not (isNull (broken case not)))

    /// All of them, for a version.
    let ofDrawn (version: RoomVersion) : Property list = [
        hold version "hold-of-drawn-cases" (AuthGen.case version)
        hold version "hold-of-drawn-levels" (AuthGen.levelsCase version)
        leaveNothingOpen version "leave-no-drawn-case-open" (AuthGen.case version)
        leaveNothingOpen version "leave-no-drawn-levels-open" (AuthGen.levelsCase version)
    ]

    /// That one of somebody's own claims holds of drawn cases. Not for several threads.
    let ofOwn (version: RoomVersion) (claim: Claim) : Property =
        let rules = AuthRules version
        let compiled = CompiledClaim(version, claim)

        Property.forAllIf
            $"claims.{claim.Name}.of-drawn-cases.{version.Id}"
            claim.Sentence
            (Gen.oneof [ AuthGen.case version; AuthGen.levelsCase version ])
            AuthGen.shrink
            (fun drawn ->
                let case = OnItsOwn(rules, drawn) :> ICase
                let read = ClaimCase case
                read.Allowed <- (rules.Decide(case.Event, case, case.Facts)).IsOk

                match compiled.Judge read with
                | Judgement.NotAbout -> None
                | Judgement.Broken -> Some false
                | Judgement.Holds
                | Judgement.Excepted -> Some true)
