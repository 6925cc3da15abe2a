using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Host.Storage.Tables.AccountData;
using Matrix.Import.Runs;
using Matrix.Import.Sources;

namespace Matrix.Import.RoomData;

/// <summary>Account data of users in rooms, fully-read markers among it.</summary>
internal sealed class RoomAccountDataPart : IImportPart
{
    private const string Kind = "account data of rooms";

    public string Name => "room_account_data";

    public string Title => "account data of rooms";

    public IReadOnlyList<string> Tables { get; } = ["room_account_data"];

    public Task<long> EstimateAsync(ImportContext context, CancellationToken stop) =>
        context.Source.NumberAsync("SELECT COUNT(*) FROM room_account_data", stop);

    public async Task RunAsync(ImportContext context, PartProgress progress, CancellationToken stop)
    {
        if (context.Choices.WithoutHistory) return;
        var rooms = new CarriedRooms(context, progress, Kind);
        var after = progress.Reached?.Split('\n') ?? ["", "", ""];
        await foreach (var row in context.Source.RowsAsync(
            """
            SELECT user_id, room_id, account_data_type, stream_id, content FROM room_account_data
            WHERE (user_id, room_id, account_data_type) > ($1, $2, $3)
            ORDER BY user_id, room_id, account_data_type
            """,
            stop,
            after[0],
            after[1],
            string.Join('\n', after.Skip(2))))
        {
            progress.Read(Kind);
            var (userId, roomId, type) = (row.Text(0), row.Text(1), row.Text(2));
            if (!row.TryObject(4, out var content))
            {
                progress.LeaveOut(Kind, $"{type} of {userId} in {roomId}", "It is no JSON object.");
            }
            else if (await rooms.FindAsync(roomId, stop) is { } room)
            {
                progress.Add(
                    new AccountDataPut(userId, room, type, CanonicalJson.Bytes(Json.Of(content))), row.Int64(3));
                progress.Written(Kind);
            }

            await progress.SaveAsync($"{userId}\n{roomId}\n{type}", stop);
        }
    }
}
