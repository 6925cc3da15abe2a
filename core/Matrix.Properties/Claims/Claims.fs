namespace Matrix.Properties.Claims

open Matrix.Rules
open Matrix.Properties.SmallWorlds

/// The list of all claims. One whose text differs between versions is there once for each span, under one name.
[<RequireQualifiedAccess>]
module Claims =

    let private isIn (number: int) (first: int) (last: int) = first <= number && number <= last

    /// All claims about the specification's versions.
    let all: Claim list =
        CreationClaims.claims
        @ MembershipClaims.claims
        @ SendingClaims.claims
        @ LevelsClaims.claims
        @ PossibleClaims.claims PossibleClaims.mayWriteAsOwner

    let private ofOwnedState: Claim list =
        CreationClaims.claims
        @ MembershipClaims.claims
        @ OwnedStateClaims.sending SendingClaims.claims
        @ LevelsClaims.claims
        @ PossibleClaims.claims OwnedStateClaims.mayWrite

    /// Those of these claims that are about a version, with the exceptions that it has. They are chosen by its number.
    let about (version: RoomVersion) (claims: Claim list) : Claim list =
        let number = numberOf version

        [
            for claim in claims do
                if isIn number claim.Since claim.Until then
                    {
                        claim with
                            Exceptions = claim.Exceptions |> List.filter (fun e -> isIn number e.Since e.Until)
                    }
        ]

    /// The claims about a version.
    let of' (version: RoomVersion) : Claim list =
        about version (if hasStateOwners version then ofOwnedState else all)
