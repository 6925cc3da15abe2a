namespace Matrix.Proofs.Queries

open Matrix.Properties.Claims
open Matrix.Proofs.Encoding
open Matrix.Proofs.Smt

/// The assumptions of claims, each for the claims that need it.
[<RequireQualifiedAccess>]
module Assumptions =

    /// Up to version 11 an event names the create event among its auth events, and nothing else ties it to the state.
    let private createIsInState: Assumption =
        let of' name = Term.app name [ Term.symbol "c" ]

        {
            Name = "the-cited-create-event-is-in-the-state"
            Sentence = "A create event among the auth events is that of the room's state."
            Term =
                Term.implies
                    (Words.forSomeCited
                        "c"
                        (Term.all [
                            of' "is-cited"
                            Term.equal (of' "cited-type") (Words.literal "m.room.create")
                        ]))
                    (Words.inStateAlone "m.room.create")
        }

    /// The state key of aliases is a server's name.
    let private noServerIsAUser: Assumption = {
        Name = "no-server-name-begins-with-at"
        Sentence = "No server's name begins with @."
        Term = Words.forEveryText "x" (Term.not' (Term.app "starts-with-at" [ Term.app "domain" [ Term.symbol "x" ] ]))
    }

    /// What the proof of a claim in versions with this number assumes.
    let of' (number: int) (claim: Claim) : Assumption list =
        match claim.Name with
        | "no-room-without-a-create-event" when number <= 11 -> [ createIsInState ]
        | "state-of-a-user-is-their-own" when number <= 5 -> [ noServerIsAUser ]
        | _ -> []
