import { Routes } from '@angular/router';

import { Gallery } from './gallery/gallery';

/** Every place that the application shows. The gallery comes first and at once; the rest when it is asked for. */
export const ROUTES: Routes = [
  { path: '', component: Gallery, title: 'Photos · Weft' },
  { path: 'photo/:id', loadComponent: () => import('./photo/photo').then((m) => m.Photo), title: 'Photo · Weft' },
  { path: 'albums', loadComponent: () => import('./collection/albums').then((m) => m.Albums), title: 'Albums · Weft' },
  { path: 'map', loadComponent: () => import('./map/map').then((m) => m.MapPage), title: 'Map · Weft' },
  { path: 'ledger', loadComponent: () => import('./ledger/ledger').then((m) => m.Ledger), title: 'Ledger · Weft' },
  {
    path: 'ledger/blocks/:height',
    loadComponent: () => import('./ledger/block').then((m) => m.BlockPage),
    title: 'Block · Weft',
  },
  {
    path: 'ledger/transactions/:id',
    loadComponent: () => import('./ledger/transaction').then((m) => m.TransactionPage),
    title: 'Transaction · Weft',
  },
  {
    path: 'ledger/records/:collection/:key',
    loadComponent: () => import('./ledger/record').then((m) => m.RecordPage),
    title: 'Record · Weft',
  },
  { path: 'network', loadComponent: () => import('./network/network').then((m) => m.Network), title: 'Network · Weft' },
  { path: '**', redirectTo: '' },
];
