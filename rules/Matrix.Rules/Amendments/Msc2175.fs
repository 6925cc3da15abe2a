/// MSC2175 (room version 11). v1.19 rooms/v11#remove-the-creator-property-of-mroomcreate-events
module Matrix.Rules.Msc2175

/// The creator is the sender of the create event.
let creatorIsSender: Amendment = {
    Msc = "MSC2175"
    Title = "The creator is the sender of the create event"
    Why = "The create event named its sender a second time in its content. Only the sender counts."
    Touches = [
        "setting/creators"
        "authorization/create.creator"
        "authorization/member.join.first"
    ]
    Changes = [
        Change.Setting(Setting.Creators Creators.Sender)
        Change.Authorization(Edit.Remove "create.creator")
        Change.Authorization(
            Edit.Reword(
                "member.join.first",
                "If the only previous event is the create event, and the state key is the sender of the create \
                 event, allow.",
                Condition.And [
                    Condition.OnlyPrevEventIsCreate
                    Condition.SameUser(User.StateKey, User.CreateSender)
                ]
            )
        )
    ]
}
