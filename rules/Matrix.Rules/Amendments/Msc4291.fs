/// MSC4291 (room version 12). v1.19 rooms/v12#event-format-1, v1.19 rooms/v12#authorisation-rules
module Matrix.Rules.Msc4291

let private roomId =
    clause "create.room-id" "If it has a room_id, reject." Condition.HasRoomId (Outcome.Reject Reason.CreateHasRoomId)

let private room =
    clause
        "room"
        "If the room id is not the id of an accepted create event with ! for $, reject."
        (Condition.Not Condition.CreateEventAccepted)
        (Outcome.Reject Reason.RoomUnknown)

/// The room id is the hash of the create event.
let roomIdIsCreateHash: Amendment = {
    Msc = "MSC4291"
    Title = "The room id is the hash of the create event"
    Why =
        "A server could create a room with another server's name in its id. The room id is now the hash of the create \
         event, which therefore has no room_id and is no longer in the auth_events of other events."
    Touches = [
        "setting/room-ids"
        "selection/create"
        "authorization/create.server"
        "authorization/create.room-id"
        "authorization/room"
        "authorization/auth-events.create"
    ]
    Changes = [
        Change.Setting(Setting.RoomIds RoomIdForm.HashOfCreate)
        Change.Selection(SelectionEdit.Remove "create")
        Change.Authorization(Edit.Replace("create.server", roomId))
        Change.Authorization(Edit.InsertAfter("create", room))
        Change.Authorization(Edit.Remove "auth-events.create")
    ]
}
