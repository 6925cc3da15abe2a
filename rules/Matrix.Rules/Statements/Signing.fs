namespace Matrix.Rules

/// A server that must have signed an event, and when. The condition reads the event alone.
type SignatureRequirement = {
    Name: string
    Text: string
    Server: Server
    When: Condition
}

/// What is hashed, and who must sign. Server-Server API, "Signing Events".
[<RequireQualifiedAccess>]
module Signing =

    /// What an event loses before its content hash is taken.
    let removedForContentHash = [ "hashes"; "signatures"; "unsigned" ]

    /// What a redacted event loses before its reference hash is taken, and before it is signed.
    let removedForReferenceHash = [ "signatures"; "unsigned" ]

    let private invitation =
        Condition.And [
            Condition.TypeIs "m.room.member"
            Condition.MembershipIs Membership.Invite
            Condition.ContentHas [ "third_party_invite" ]
        ]

    let private extra (signer: ExtraSigner) : SignatureRequirement =
        match signer with
        | ExtraSigner.EventIdServer -> {
            Name = "signatures.event-id"
            Text = "The server in the event's own id signs too."
            Server = Server.OfEventId
            When = Condition.Always
          }
        | ExtraSigner.AuthorisingServer -> {
            Name = "signatures.authorising-user"
            Text =
                "For a member event with join_authorised_via_users_server, the server of that user signs too; the \
                 authorization rules ask for it."
            Server = Server.Of User.Authorising
            When =
                Condition.And [
                    Condition.TypeIs "m.room.member"
                    Condition.ContentHas [ "join_authorised_via_users_server" ]
                ]
          }

    /// Every server that must have signed, in versions with these settings.
    let requirements (settings: Settings) : SignatureRequirement list =
        {
            Name = "signatures.sender"
            Text =
                "The sender's server signs. An invitation that answers a third-party one may come from another server, and \
                 need not carry its signature."
            Server = Server.Of User.Sender
            When = Condition.Not invitation
        }
        :: List.map extra settings.ExtraSigners
