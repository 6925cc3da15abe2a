/// MSC1884 (room version 4). v1.19 rooms/v4#event-ids
module Matrix.Rules.Msc1884

/// Event identifiers without slashes.
let urlSafeEventIds: Amendment = {
    Msc = "MSC1884"
    Title = "Event identifiers without slashes"
    Why =
        "Identifiers stand in URL paths, where a slash must be escaped and often was not. The hash is written in the \
         URL-safe alphabet."
    Touches = [ "setting/event-ids" ]
    Changes = [ Change.Setting(Setting.EventIds EventIdForm.UrlSafeHash) ]
}
