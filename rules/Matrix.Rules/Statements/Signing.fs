namespace Matrix.Rules

/// A server that must sign an event, and when. The condition reads only the event.
type SignatureRequirement = {
    Name: string
    Text: string
    Server: Server
    When: Condition
}

/// The hashed members, and the required signatures. v1.19 server-server-api#signing-events
[<RequireQualifiedAccess>]
module Signing =

    /// The members removed before the content hash is computed.
    let removedForContentHash = [ "hashes"; "signatures"; "unsigned" ]

    /// The members removed from a redacted event before its reference hash is computed, and before it is signed.
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
                 authorization rules check the signature."
            Server = Server.Of User.Authorising
            When =
                Condition.And [
                    Condition.TypeIs "m.room.member"
                    Condition.ContentHas [ "join_authorised_via_users_server" ]
                ]
          }

    /// The servers that must sign events, in versions with these settings.
    let requirements (settings: Settings) : SignatureRequirement list =
        {
            Name = "signatures.sender"
            Text =
                "The sender's server signs. An invitation that redeems a third-party one may come from another \
                 server, and then need not have its signature."
            Server = Server.Of User.Sender
            When = Condition.Not invitation
        }
        :: List.map extra settings.ExtraSigners
