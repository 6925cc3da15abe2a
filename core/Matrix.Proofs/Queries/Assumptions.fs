namespace Matrix.Proofs.Queries

open Matrix.Properties.Claims
open Matrix.Properties.Mutation
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

    /// Up to version 11: the create event's rules require it of the room that it creates, and an event of the room
    /// names that create event.
    let private roomIsOfCreator: Assumption =
        let sender = Words.senderAlone "m.room.create"

        {
            Name = "the-room-id-is-of-the-creators-server"
            Sentence = "The room's id has the domain of the server of the create event's sender."
            Term =
                Term.all [
                    Words.inStateAlone "m.room.create"
                    Term.symbol "room-has-domain"
                    Term.app "has-domain" [ sender ]
                    Term.equal (Term.symbol "room-domain") (Term.app "domain" [ sender ])
                ]
        }

    /// What the proof assumes that a mutant changes nothing.
    let ofMutant (number: int) (mutant: Mutant) : Assumption list =
        if mutant.Rule = "federate" && number <= 11 then
            [ roomIsOfCreator ]
        else
            []

    /// What the proof of a claim in versions with this number assumes.
    let of' (number: int) (claim: Claim) : Assumption list =
        match claim.Name with
        | "no-room-without-a-create-event" when number <= 11 -> [ createIsInState ]
        | "state-of-a-user-is-their-own" when number <= 5 -> [ noServerIsAUser ]
        | _ -> []
