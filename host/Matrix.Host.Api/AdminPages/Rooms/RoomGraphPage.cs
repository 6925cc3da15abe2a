using System.Globalization;
using Matrix.Host.Api.AdminPages.Frame;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Pages;
using Matrix.Host.Rooms.Administration;
using Matrix.Host.Rooms.Inspecting;
using Matrix.Host.Storage.Tables.Rooms;

namespace Matrix.Host.Api.AdminPages.Rooms;

/// <summary>The newest events of a room, drawn with their previous events.</summary>
internal sealed class RoomGraphPage(
    AdminFrame frame, RoomLists rooms, RoomGraphs graphs, RoomsTable roomsTable) : IEndpoints
{
    private const string Usual = "50";

    private static readonly (string, string)[] _numbers =
        [("20", "20"), (Usual, Usual), ("100", "100"), ("200", "200")];

    public void Map(ClientRoutes routes) => frame.Page(routes, RoomMarks.GraphPage, ShowAsync);

    private async ValueTask<AdminView> ShowAsync(AdminVisit visit, CancellationToken stop)
    {
        var roomId = visit.Query("id");
        if (await roomsTable.FindAsync(roomId, stop) is not { } row
            || await rooms.FindAsync(roomId, stop) is not { } room)
        {
            return RoomMarks.NoRoom;
        }

        var list = new ListState(RoomMarks.GraphPage, visit, "", "id", "n");
        var number = _numbers.FirstOrDefault(each => each.Item1 == list["n"], _numbers[1]).Item1;
        var graph = await graphs.NewestAsync(row, int.Parse(number, CultureInfo.InvariantCulture), stop);
        return RoomMarks.ViewOf(room, RoomMarks.GraphPage, RoomMarks.Of(room), Html.Of($"""
            {list.FormOf(Html.Of($"""
                <input type="hidden" name="id" value="{roomId}">
                {list.Choice("n", "Newest events", [(number, number), .. _numbers.Where(each => each.Item1 != number)])}
                """), "Show")}
            <p class="note">Filled dots are state events, rings are forward extremities, red dots are rejected or
            soft-failed. Dashed lines lead to events that are not drawn.</p>
            {GraphDrawing.Of(graph)}
            """));
    }
}
